//! A table, as its user describes it.

use std::fmt::Write as _;

use super::{TableRow, bind, row::shown};

/// Describes a table, to be opened; `table` of a database begins it.
#[derive(Debug, Clone)]
#[must_use = "nothing is written before `open`"]
pub struct TableBuilder<D> {
    pub(crate) database: D,
    pub(crate) description: Description,
}

/// What is said of a table.
#[derive(Debug, Clone)]
pub(crate) struct Description {
    pub(crate) name: String,
    /// Their names and declarations.
    pub(crate) columns: Vec<(String, String)>,
    pub(crate) key: Vec<String>,
    pub(crate) on_conflict: OnConflict,
    pub(crate) create: bool,
}

/// What happens to a row whose key is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnConflict {
    Fail,
    Ignore,
    Update,
}

impl<D> TableBuilder<D> {
    pub(crate) fn new(database: D, name: String) -> Self {
        Self {
            database,
            description: Description {
                name,
                columns: Vec::new(),
                key: Vec::new(),
                on_conflict: OnConflict::Fail,
                create: false,
            },
        }
    }

    /// The next column that rows have a value for. The declaration (`INTEGER`, `TEXT NOT NULL`) is used where the
    /// table is made; otherwise it may be empty.
    pub fn column(mut self, name: impl Into<String>, declaration: impl Into<String>) -> Self {
        let column = (name.into(), declaration.into());
        self.description.columns.push(column);
        self
    }

    /// The columns that tell rows apart: the table's primary key, or another unique constraint of it.
    pub fn key<S: Into<String>>(mut self, columns: impl IntoIterator<Item = S>) -> Self {
        self.description.key = columns.into_iter().map(Into::into).collect();
        self
    }

    /// A row whose key is there already takes the place of the old one's values. Without this or
    /// [`ignore`](Self::ignore) it fails.
    pub fn upsert(mut self) -> Self {
        self.description.on_conflict = OnConflict::Update;
        self
    }

    /// A row whose key is there already is left out, and counted.
    pub fn ignore(mut self) -> Self {
        self.description.on_conflict = OnConflict::Ignore;
        self
    }

    /// Makes the table if there is none of this name, with the key as its primary key.
    pub fn create(mut self) -> Self {
        self.description.create = true;
        self
    }
}

impl Description {
    /// Whether it makes sense by itself.
    pub(crate) fn check(&self) -> Result<(), String> {
        let is_column = |key: &String| self.columns.iter().any(|(name, _)| name == key);
        if self.columns.is_empty() {
            return Err("it has no columns; name them with `column`".into());
        }
        if let Some(key) = self.key.iter().find(|key| !is_column(key)) {
            return Err(format!("its key `{key}` is not one of the columns"));
        }
        if self.key.is_empty() && self.on_conflict != OnConflict::Fail {
            return Err("`upsert` and `ignore` need a `key`".into());
        }
        Ok(())
    }

    /// What its rows are told by.
    pub(crate) fn names(&self) -> Columns {
        let names = self.columns.iter().map(|(name, _)| name);
        let is_key = |name: &String| self.key.is_empty() || self.key.contains(name);
        Columns {
            table: self.name.clone(),
            key: names
                .clone()
                .enumerate()
                .filter(|(_, name)| is_key(name))
                .map(|(index, _)| index)
                .collect(),
            names: names.cloned().collect(),
        }
    }

    /// What makes it; `table` is its name as SQL takes it.
    pub(crate) fn create(&self, table: &str) -> String {
        let declared = self
            .columns
            .iter()
            .map(|(name, declaration)| format!("{} {declaration}", quoted(name)));
        let primary = (!self.key.is_empty()).then(|| format!("PRIMARY KEY ({})", list(&self.key)));
        let columns: Vec<_> = declared.chain(primary).collect();
        format!(
            "CREATE TABLE IF NOT EXISTS {table} ({})",
            columns.join(", ")
        )
    }

    /// Whether rows that are there already get new values: there may be none besides the key.
    pub(crate) fn updates(&self) -> bool {
        let is_value = |(name, _): &(String, String)| !self.key.contains(name);
        self.on_conflict == OnConflict::Update && self.columns.iter().any(is_value)
    }
}

/// The names of a table and of its columns.
#[derive(Debug, Clone)]
pub(crate) struct Columns {
    pub(crate) table: String,
    pub(crate) names: Vec<String>,
    /// Which are the key, by position; all of them where there is none.
    pub(crate) key: Vec<usize>,
}

impl Columns {
    /// The key of a row, as far as the row tells it.
    pub(crate) fn key_of(&self, row: &impl TableRow) -> String {
        let mut values = Vec::new();
        // What it hands over before it fails is what can be shown.
        let _ = bind(
            row,
            &mut |value| {
                values.push(shown(value));
                Ok(())
            },
            |error| error.to_string(),
        );
        let mut key = String::new();
        for index in &self.key {
            let between = if key.is_empty() { "" } else { ", " };
            let value = values.get(*index).map_or("?", String::as_str);
            let _ = write!(key, "{between}{} = {value}", self.names[*index]);
        }
        key
    }
}

/// A name as SQL takes it, whatever is in it.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Names, one behind the other.
pub(crate) fn list<'n>(names: impl IntoIterator<Item = &'n String>) -> String {
    let names = names.into_iter().map(|name| quoted(name));
    names.collect::<Vec<_>>().join(", ")
}
