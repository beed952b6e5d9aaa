//! Every sample of the last run of each case, kept beside the report as `results.jsonl`.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The samples of a table.
#[derive(Serialize, Deserialize, Clone)]
pub struct Measured {
    /// The case's id.
    pub case: String,
    /// The table's id.
    pub table: String,
    /// Where it was measured.
    pub machine: String,
    /// When.
    pub date: String,
    /// How often.
    pub rounds: u32,
    /// One for each contender.
    pub contenders: Vec<Entry>,
}

/// The samples of a contender.
#[derive(Serialize, Deserialize, Clone)]
pub struct Entry {
    /// Its name.
    pub contender: String,
    /// One for each column.
    pub columns: Vec<Values>,
}

/// The values of a column.
#[derive(Serialize, Deserialize, Clone)]
pub struct Values {
    /// The column's id.
    pub column: String,
    /// One for each round.
    pub samples: Vec<f64>,
}

impl Entry {
    /// Without samples.
    pub fn new(contender: &str) -> Self {
        Self {
            contender: contender.to_owned(),
            columns: Vec::new(),
        }
    }
}

impl Measured {
    /// The samples of a contender in a column, one for each round.
    pub fn samples(&self, contender: &str, column: &str) -> Option<&[f64]> {
        let entry = self
            .contenders
            .iter()
            .find(|entry| entry.contender == contender)?;
        entry
            .columns
            .iter()
            .find(|values| values.column == column)
            .map(|values| values.samples.as_slice())
    }
}

/// What has been measured.
#[derive(Default)]
pub struct Results(Vec<Measured>);

impl Results {
    /// The results of earlier runs; none if there are none.
    pub fn read() -> Self {
        let text = fs::read_to_string(path()).unwrap_or_default();
        Self(
            text.lines()
                .map(|line| serde_json::from_str(line).expect("results.jsonl is as it was written"))
                .collect(),
        )
    }

    /// Keeps them.
    pub fn save(&self) {
        let lines: String = self
            .0
            .iter()
            .map(|table| serde_json::to_string(table).expect("results can be written") + "\n")
            .collect();
        fs::write(path(), lines).expect("results.jsonl can be written");
    }

    /// The tables of a case.
    pub fn of(&self, case: &str) -> Vec<Measured> {
        self.0
            .iter()
            .filter(|table| table.case == case)
            .cloned()
            .collect()
    }

    /// Replaces those of the same case.
    pub fn replace(&mut self, case: Vec<Measured>) {
        self.0
            .retain(|old| case.iter().all(|new| new.case != old.case));
        self.0.extend(case);
        self.0.sort_by(|a, b| a.case.cmp(&b.case));
    }
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("results.jsonl")
}
