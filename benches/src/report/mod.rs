//! What is told of the results: on the terminal, in BENCHMARKS.md, and in the charts.

use std::fs;
use std::path::{Path, PathBuf};

use crate::case::Case;
use crate::results::{Measured, Results};

mod chart;
mod goals;
mod numbers;
mod scale;
mod section;

pub use section::section;

const BEGIN: &str = "<!-- measured: written by the command -->\n";
const END: &str = "<!-- end of measured -->";

/// Names the cases and their tables.
pub fn list(cases: &[Case]) {
    for case in cases {
        println!("{:<12} {}", case.id, case.title);
        for table in &case.tables {
            println!(
                "{:12} - {} ({} contenders)",
                "",
                table.id,
                table.contenders.len()
            );
        }
    }
}

/// Writes what has been measured between the markers of BENCHMARKS.md, and the charts.
pub fn write(cases: &[Case], results: &Results) {
    let measured: Vec<(&Case, Vec<Measured>)> = cases
        .iter()
        .map(|case| (case, results.of(case.id)))
        .filter(|(_, tables)| !tables.is_empty())
        .collect();
    let charts = Path::new(env!("CARGO_MANIFEST_DIR")).join("charts");
    fs::create_dir_all(&charts).expect("a folder for the charts");
    let mut text = goals::summary(&measured);
    for (case, tables) in &measured {
        fs::write(
            charts.join(format!("{}.svg", case.id)),
            chart::draw(case, tables),
        )
        .expect("a chart can be written");
        text += "\n";
        text += &section(case, tables);
    }
    let page = page();
    let old = fs::read_to_string(&page).expect("BENCHMARKS.md is there");
    let (head, rest) = old
        .split_once(BEGIN)
        .expect("BENCHMARKS.md has its first marker");
    let (_, tail) = rest
        .split_once(END)
        .expect("BENCHMARKS.md has its last marker");
    fs::write(&page, format!("{head}{BEGIN}{text}{END}{tail}"))
        .expect("BENCHMARKS.md can be written");
}

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../BENCHMARKS.md")
}
