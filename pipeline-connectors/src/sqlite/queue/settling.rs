//! Exactly once, and acknowledged by it: a message's rows and its removal from the queue, in one transaction.

use std::sync::Arc;

use pipeline_runtime::sink::{Settles, Stake, Written};
use rusqlite::Transaction;

use super::store::{now, parse, remove};
use super::{SqliteQueue, in_file};
use crate::body::QueueBody;
use crate::sqlite::{Claim, Claiming, Claims, OpenError, Table};
use crate::table::{Aside, Settled};

impl<B: QueueBody> SqliteQueue<B> {
    /// The table as a sink that acknowledges: the rows of a message are written in the transaction that takes it out of
    /// its queue, this one or another in the file, and that is its acknowledgement. Of a message that another consumer
    /// has by now, or that is gone, nothing is written. So its rows are there exactly once, whenever a process dies, is
    /// stopped or cut off, whatever the clock says; nothing has to be remembered for it, and no journal is needed.
    ///
    /// It takes rows, or `Vec`s of rows, of a pipeline whose input are deliveries of a queue in this file: an item of
    /// one message is written with it, a `Vec` as `batch` made it element by element. All rows of a message must be one
    /// item: a pipeline with a `flat_map` on the way is refused before it starts. A message one of whose rows is
    /// refused fails, and none of its rows is written; the others of its transaction are. The table's statistics count
    /// the rows of lost messages as `lost`.
    ///
    /// The table must be in the file of the queue. The tables of its handle wait for the disk at every transaction from
    /// here on.
    ///
    /// # Errors
    ///
    /// If it is in another file.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use pipeline_connectors as brigade;
    /// use brigade::database::Sqlite;
    /// use brigade::queue::SqliteQueue;
    ///
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("orders.db");
    /// let db = Sqlite::open(path)?;
    /// let orders: SqliteQueue = db.queue("orders").open()?;
    /// let table = db.table("orders").column("text", "TEXT").create().open()?;
    /// // At the end of a pipeline: map(|m| (m.text,)), :drive sink
    /// let sink = orders.settling(&table)?;
    /// # let _: &dyn Send = &sink;
    /// # Ok(())
    /// # }
    /// ```
    pub fn settling(&self, table: &Table) -> Result<Settling, OpenError> {
        let removes = Removes(self.0.file.place());
        let claiming = Claiming::new(table, removes, self.0.file.path(), "the queue")?;
        Ok(Settled(claiming))
    }
}

/// A table that acknowledges messages with their rows; [`SqliteQueue::settling`] makes it.
pub type Settling = Settled<Claiming<Removes>>;

/// Takes the messages of a unit out of the queues in this file.
#[derive(Debug, Clone)]
pub struct Removes(Arc<str>);

impl Claims for Removes {
    const SETTLES: Settles = Settles::Messages;

    fn written() -> Written {
        Written::settled()
    }

    fn claim(&self, transaction: &Transaction<'_>, stake: &Stake) -> rusqlite::Result<Claim> {
        if stake.deliveries.is_empty() {
            let problem = "it comes from no queue; the input of the pipeline must be deliveries of the queue in this file";
            return Ok(Claim::Refused(problem.into()));
        }
        let now = now();
        for (place, receipt) in &stake.deliveries {
            let is_here = place.as_deref().and_then(|place| in_file(place, &self.0));
            if is_here.is_none() {
                let problem = "its message lies in no queue of this file; complete its task instead, with a journal in this file: `journal.completing(&table)`";
                return Ok(Claim::Refused(problem.into()));
            }
            let removed = match parse(receipt) {
                Some(delivery) => remove(transaction, now, delivery)?,
                None => false,
            };
            if !removed {
                return Ok(Claim::Aside(Aside::Lost));
            }
        }
        Ok(Claim::Ours)
    }
}
