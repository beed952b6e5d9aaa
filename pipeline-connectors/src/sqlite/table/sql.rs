//! The statements of a table.

use crate::table::{Columns, Description, OnConflict, list, quoted};

/// The statements of a table.
#[derive(Debug)]
pub(crate) struct Sql {
    pub(crate) names: Columns,
    pub(super) create: String,
    pub(crate) insert: String,
    /// Where rows are updated: for those that are there already.
    pub(crate) update: Option<String>,
}

impl Sql {
    pub(super) fn new(description: &Description) -> Self {
        let names = description.names();
        let places: Vec<_> = (1..=names.names.len())
            .map(|place| format!("?{place}"))
            .collect();
        let set = |key: bool, between| {
            let columns = names.names.iter().enumerate();
            let these = columns.filter(|(index, _)| names.key.contains(index) == key);
            let these = these.map(|(index, name)| format!("{} = ?{}", quoted(name), index + 1));
            these.collect::<Vec<_>>().join(between)
        };
        let table = quoted(&description.name);
        let conflict = match description.on_conflict {
            OnConflict::Fail => String::new(),
            _ => format!(" ON CONFLICT ({}) DO NOTHING", list(&description.key)),
        };
        Self {
            create: description.create(&table),
            insert: format!(
                "INSERT INTO {table} ({}) VALUES ({}){conflict}",
                list(&names.names),
                places.join(", ")
            ),
            update: description.updates().then(|| {
                format!(
                    "UPDATE {table} SET {} WHERE {}",
                    set(false, ", "),
                    set(true, " AND ")
                )
            }),
            names,
        }
    }
}
