//! Every kind of SQLite file.

#![allow(dead_code, reason = "not every test uses all of it")]

use std::any::Any;
use std::path::Path;
use std::time::Duration;

use pipeline_connectors::database::{OpenError, Sqlite};
use pipeline_connectors::queue::SqliteQueue;

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
        let db = Sqlite::at(path).busy_timeout(busy).open()?;
        Ok(match self {
            Self::Journal => Box::new(db.journal().open()?),
            Self::Queue => {
                let queue: SqliteQueue = db.queue("jobs").open()?;
                Box::new(queue)
            }
            Self::Letters => Box::new(db.letters().open()?),
            Self::Table => {
                let table = db.table("rows").column("text", "TEXT");
                Box::new(table.create().open()?)
            }
        })
    }
}
