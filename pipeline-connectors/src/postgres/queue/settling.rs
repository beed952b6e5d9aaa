//! Exactly once, and acknowledged by it: a message's rows and its removal from the queue, in one transaction.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pipeline_runtime::sink::{Settles, Stake, Written};
use tokio_postgres::Transaction;
use tokio_postgres::types::Type;

use super::PostgresQueue;
use super::known::beside;
use super::receipt::parse;
use crate::body::QueueBody;
use crate::postgres::answer::answered;
use crate::postgres::error::{ConnectError, Failed};
use crate::postgres::handle::Postgres;
use crate::postgres::line::Value;
use crate::postgres::table::{Claim, Claiming, Claims, PostgresTable};
use crate::table::{Aside, Settled};

impl<B: QueueBody> PostgresQueue<B> {
    /// The table as a sink that acknowledges: the rows of a message are written in the transaction that takes it out of
    /// its queue, this one or another in the same schema, and that is its acknowledgement. Of a message that another
    /// consumer has by now, or that is gone, nothing is written. So its rows are there exactly once, whenever a process, a
    /// connection or the server dies, is stopped or cut off, whatever the clock says; nothing has to be remembered for it,
    /// and no journal is needed.
    ///
    /// It takes rows, or `Vec`s of rows, of a pipeline whose input are deliveries of a queue in this schema: an item of
    /// one message is written with it, a `Vec` as `batch` made it element by element. All rows of a message must be one
    /// item: a pipeline with a `flat_map` on the way is refused before it starts. A message one of whose rows is
    /// refused fails, and none of its rows is written; the others of its transaction are. The table's statistics count
    /// the rows of lost messages as `lost`.
    ///
    /// Of a group of another queue in the schema, the next message comes within a second.
    ///
    /// A program that is stopped in the middle holds its messages for 30 seconds: then the server ends the transaction,
    /// and another consumer can have them.
    ///
    /// # Errors
    ///
    /// If the table is opened from another handle than the queue.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # use pipeline_connectors as brigade;
    /// use brigade::database::Postgres;
    /// use brigade::queue::PostgresQueue;
    ///
    /// let db = Postgres::connect("host=/run/postgresql user=app dbname=work").await?;
    /// let orders: PostgresQueue = db.queue("orders").open().await?;
    /// let table = db.table("orders").column("text", "text").create().open().await?;
    /// // At the end of a pipeline: map(|m| (m.text,)), :drive sink
    /// let sink = orders.settling(&table)?;
    /// # let _: &dyn Send = &sink;
    /// # Ok(())
    /// # }
    /// ```
    pub fn settling(&self, table: &PostgresTable) -> Result<PostgresSettling, ConnectError> {
        let removes = Removes(Arc::new(Queues {
            db: self.0.db.clone(),
            home: self.0.home.clone(),
            queue: self.0.queue,
            moved: AtomicBool::new(false),
        }));
        let claiming = Claiming::new(table, removes, &self.0.db, "the queue")?;
        Ok(Settled(claiming))
    }
}

/// A table that acknowledges messages with their rows; [`PostgresQueue::settling`] makes it.
pub type PostgresSettling = Settled<Claiming<Removes>>;

/// Takes the messages of units out of the queues in this schema.
#[derive(Clone)]
pub struct Removes(Arc<Queues>);

struct Queues {
    db: Postgres,
    home: String,
    queue: i32,
    /// Another of a group may come.
    moved: AtomicBool,
}

impl Claims for Removes {
    const SETTLES: Settles = Settles::Messages;

    /// The number of each message, and what stands for its delivery.
    type Stake = Vec<(i64, i64)>;

    fn written() -> Written {
        Written::settled()
    }

    fn read(&self, stake: &Stake) -> Result<Self::Stake, String> {
        if stake.deliveries.is_empty() {
            let problem = "it comes from no queue; the input of the pipeline must be deliveries of the queue in this database";
            return Err(problem.into());
        }
        let deliveries = stake.deliveries.iter().map(|(place, receipt)| {
            let is_here = place.as_deref().and_then(|place| beside(place, &self.0.home));
            if is_here.is_none() {
                let problem = "its message lies in no queue of these tables; complete its task instead, with a journal in this database: `journal.completing(&table)`";
                return Err(problem.to_owned());
            }
            // What is no receipt is no message's.
            Ok(parse(receipt).unwrap_or_default())
        });
        deliveries.collect()
    }

    async fn claim(
        &self,
        transaction: &Transaction<'_>,
        stakes: &[&Self::Stake],
    ) -> Result<Vec<Claim>, Failed> {
        let deliveries = stakes.iter().flat_map(|stake| stake.iter().copied());
        let (seqs, tokens): (Vec<_>, Vec<_>) = deliveries.unzip();
        let sql = format!("SELECT nth, moved FROM {}.ack($1, $2)", self.0.db.schema());
        let values: [Value<'_>; 2] = [(&seqs, Type::INT8_ARRAY), (&tokens, Type::INT8_ARRAY)];
        let rows = answered(transaction.query_typed(&sql, &values)).await?;
        let mut removed = vec![false; seqs.len()];
        for row in &rows {
            let failed = |error: tokio_postgres::Error| Failed::from(&error);
            let nth: i64 = row.try_get(0).map_err(failed)?;
            let nth = usize::try_from(nth - 1).ok();
            if let Some(removed) = nth.and_then(|nth| removed.get_mut(nth)) {
                *removed = true;
            }
            if row.try_get(1).map_err(failed)? {
                // Relaxed: who commits this has stored it. Never taken back: another transaction may be about to be committed.
                self.0.moved.store(true, Ordering::Relaxed);
            }
        }
        let mut removed = removed.into_iter();
        let claims = stakes.iter().map(|stake| {
            let ours = removed.by_ref().take(stake.len());
            Claim::of(ours.filter(|ours| *ours).count(), stake.len(), Aside::Lost)
        });
        Ok(claims.collect())
    }

    fn committed(&self) {
        // Relaxed: as above.
        if self.0.moved.load(Ordering::Relaxed) {
            self.0.db.watch().tell(self.0.queue);
        }
    }
}

impl fmt::Debug for Removes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Removes").field(&self.0.queue).finish()
    }
}
