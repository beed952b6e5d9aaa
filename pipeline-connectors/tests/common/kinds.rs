//! Every kind of SQLite file.

#![allow(dead_code, reason = "not every test uses all of it")]

use std::any::Any;
use std::path::Path;
use std::time::Duration;

use pipeline_connectors::queue::{self, SqliteDeadLetters, SqliteQueue};
use pipeline_connectors::{OpenError, journal, sqlite};

/// What may be in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Journal,
    Queue,
    Letters,
    Table,
}

pub(crate) const KINDS: [Kind; 4] = [Kind::Journal, Kind::Queue, Kind::Letters, Kind::Table];

impl Kind {
    pub(crate) fn name(self) -> String {
        format!("{self:?}")
    }

    pub(crate) fn of(name: &str) -> Self {
        let kind = KINDS.into_iter().find(|kind| kind.name() == name);
        kind.unwrap()
    }

    /// Opens the file, and makes it if there is none.
    pub(crate) fn open(self, path: &Path, busy: Duration) -> Result<Box<dyn Any>, OpenError> {
        Ok(match self {
            Self::Journal => Box::new(journal::sqlite(path).busy_timeout(busy).open()?),
            Self::Queue => {
                let queue: SqliteQueue = queue::sqlite(path).busy_timeout(busy).open()?;
                Box::new(queue)
            }
            Self::Letters => {
                let file = sqlite(path).busy_timeout(busy);
                Box::new(SqliteDeadLetters::open_file(file)?)
            }
            Self::Table => {
                let database = sqlite(path).busy_timeout(busy).open()?;
                let table = database.table("rows").column("text", "TEXT");
                Box::new(table.create().open()?)
            }
        })
    }
}
