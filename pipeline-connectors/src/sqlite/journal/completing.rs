//! Exactly once: a task's rows and its completion, in one transaction.

use std::path::Path;

use pipeline_runtime::sink::{Settles, Stake, Written};
use rusqlite::Transaction;

use super::SqliteJournal;
use super::tasks::{self, Completion};
use crate::sqlite::{Claim, Claiming, Claims, OpenError, Table};
use crate::table::{Aside, Settled};

impl SqliteJournal {
    /// The table as a sink of tasks: the rows of a task and its completion are written in one transaction, and only for
    /// the delivery of it that began last. So its rows are there exactly once, whenever a process dies, is stopped or cut
    /// off, and wherever its queue is.
    ///
    /// It takes rows, or `Vec`s of rows, of a pipeline with `journal = …;` behind its header: an item of one task is
    /// written with it, a `Vec` as [`batch`](https://docs.rs/brigade) made it element by element. All rows of a task must be
    /// one item: of several that came of one task each fails.
    ///
    /// A task that was done before writes nothing, and neither does one that another delivery has by now; the table's
    /// statistics count their rows as `already_done` and `lost`. That a task is done is known as long as the journal
    /// remembers it: [`keep_done`](super::SqliteJournalBuilder::keep_done). Where the queue lies in the same file,
    /// [`SqliteQueue::settling`](crate::queue::SqliteQueue::settling) needs no memory at all, and is faster.
    ///
    /// The table must be in the file of the journal. The tables of its handle wait for the disk at every transaction
    /// from here on.
    ///
    /// # Errors
    ///
    /// If it is in another file.
    ///
    /// # Examples
    ///
    /// ```
    /// # use pipeline_connectors as brigade;
    /// # use brigade::database::Sqlite;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("tasks.db");
    /// let db = Sqlite::open(path)?;
    /// let journal = db.journal().open()?;
    /// let reports = db.table("reports").column("text", "TEXT").create().open()?;
    /// // At the end of a pipeline: map(|m| (m.text,)), :drive sink
    /// let sink = journal.completing(&reports)?;
    /// # let _: &dyn Send = &sink;
    /// # Ok(())
    /// # }
    /// ```
    pub fn completing(&self, table: &Table) -> Result<Completing, OpenError> {
        let claiming = Claiming::new(table, Completes, &self.0.path, "the journal")?;
        Ok(Settled(claiming))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }
}

/// A table that completes tasks with their rows; [`SqliteJournal::completing`] makes it.
///
/// A task one of whose rows is refused fails, and none of its rows is written; the others of its transaction are.
pub type Completing = Settled<Claiming<Completes>>;

/// Completes the tasks of a unit.
#[derive(Debug, Clone, Copy)]
pub struct Completes;

impl Claims for Completes {
    const SETTLES: Settles = Settles::Tasks;

    fn written() -> Written {
        Written::all()
    }

    fn claim(&self, transaction: &Transaction<'_>, stake: &Stake) -> rusqlite::Result<Claim> {
        if stake.tasks.is_empty() {
            let problem = "it belongs to no task; name a journal behind the header, `journal = journal;`, and open a task with `push_task`";
            return Ok(Claim::Refused(problem.into()));
        }
        for (task, epoch) in &stake.tasks {
            match tasks::complete(transaction, task, *epoch)? {
                Completion::Now => {}
                Completion::Before => return Ok(Claim::Aside(Aside::Before)),
                Completion::Fenced => return Ok(Claim::Aside(Aside::Lost)),
            }
        }
        Ok(Claim::Ours)
    }
}
