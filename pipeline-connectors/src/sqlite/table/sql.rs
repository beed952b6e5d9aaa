//! The statements of a table.

use rusqlite::{Connection, Transaction};

#[cfg(feature = "service")]
use super::fence::Fence;
use crate::sqlite::begin;
use crate::table::{Columns, Description, OnConflict, list, quoted};

/// The statements of a table.
#[derive(Debug, Clone)]
pub(crate) struct Sql {
    pub(crate) names: Columns,
    pub(super) create: String,
    pub(crate) insert: String,
    /// Where rows are updated: for those that are there already.
    pub(crate) update: Option<String>,
    /// What each transaction has to hold.
    #[cfg(feature = "service")]
    pub(super) fence: Option<Fence>,
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
            #[cfg(feature = "service")]
            fence: None,
        }
    }

    /// Begins a transaction that may write.
    #[cfg_attr(
        not(feature = "service"),
        allow(clippy::unused_self, reason = "there is no lease that it could need")
    )]
    pub(super) fn begin<'c>(
        &self,
        connection: &'c mut Connection,
    ) -> rusqlite::Result<Transaction<'c>> {
        let transaction = begin(connection)?;
        #[cfg(feature = "service")]
        if let Some(fence) = &self.fence {
            fence.hold(&transaction)?;
        }
        Ok(transaction)
    }
}
