//! A queue, as its users hold it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use pipeline_runtime::Name;
use pipeline_runtime::private::{held, held_briefly};
use pipeline_runtime::queue::{
    Ask, Nack, Outgoing, Profile, Queue, QueueError, Receipt, Received, Unsettled,
};
use tokio_postgres::Transaction;

use super::known::Known;
use super::settle::Settle;
use super::{receive, send, settle};
use crate::body::QueueBody;

/// A queue in a PostgreSQL database, for any number of programs on any number of machines. Clones are the same queue.
///
/// - The most urgent message comes first, of one priority the oldest; one that comes again, too. Of a group only the oldest comes, and the next when that
///   is acknowledged.
/// - A receive that waits is woken at once by what is sent through this handle, what other programs send wakes it by a
///   notification, at most 20 a second from each program; and each second all queues of the handle that are waited for are
///   looked at with one query, since notifications may be lost. What is due again, a delay or the lease of a program that
///   is gone, comes no more than a second late.
/// - The name that a sender gives a message is its id, and taken until the message is acknowledged: another of that name
///   is not stored meanwhile, unless it has an [`Outgoing::dedup`] of its own, which is taken for as long.
/// - It can be asked for some [kinds](Outgoing::kind) of messages only; who asks for several may have to wait for a second
///   while another does.
/// - Names, `dedup`s, groups and kinds have up to 1,024 bytes each. PostgreSQL keeps no NUL (`U+0000`) in a text: a message with
///   one is refused alone, in a name as in a body of text; a body of bytes may have any. A body has up to 512 MiB.
/// - Leases and delays end, and messages expire, by the clock of the server.
/// - What was sent, acknowledged or released is as durable as the server's `synchronous_commit` makes it; leases never
///   wait for the disk.
/// - Programs in other languages send with `brigade.send('orders', 'kind', 'body')`, a function in the schema of the tables, and
///   take back with `brigade.cancel('id')`.
/// - A message that another program has written and that cannot be read, since it is no UTF-8, holds up no other: the
///   receive that finds it moves it to the table `set_aside` of the same schema, with the reason, and warns. It stays there
///   until you put it back or delete it.
/// - What an [operator](pipeline_runtime::queue::Admin) asks goes over the connection that messages are sent on: who
///   receives does not wait for it, and who sends does, some tenths of a second for a count of a million messages.
/// - A snapshot that is open for long in the same database, that of a backup say, keeps the server from tidying up what is
///   done with: receiving becomes slower meanwhile, ten times for an hour of much traffic. Take backups from a standby, or
///   let the queues have a database of their own.
///
/// # Errors
///
/// What may pass (no connection, too many of them, a server that stops or is a standby, a lock, a full disk) is
/// [away](pipeline_runtime::ErrorKind::Away), and so is no answer within 35 seconds. What will not (no such table, no
/// right) ends the source.
pub struct PostgresQueue<B: QueueBody = String>(pub(super) Arc<Known<B>>);

impl<B: QueueBody> PostgresQueue<B> {
    /// Sends messages in a transaction of yours, of the database that the queue is in: they are there exactly when that is
    /// committed, and not before. The entries that it returns were not sent; the others are.
    ///
    /// They are seen within a second after the commit, or at once if you call [`wake`](Self::wake) then. A message of a
    /// name or `dedup` that another open transaction has sent waits for that one for up to 2 seconds; messages of a group
    /// wait for nobody.
    ///
    /// # Errors
    ///
    /// With any error the transaction has failed, and must be rolled back.
    ///
    /// # Cancel safety
    ///
    /// A future that is dropped may have sent them or not, as the rest of the transaction.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(
    /// #     mut client: tokio_postgres::Client,
    /// #     mails: pipeline_connectors::queue::PostgresQueue,
    /// # ) -> Result<(), Box<dyn std::error::Error>> {
    /// let transaction = client.transaction().await?;
    /// transaction.execute("INSERT INTO users VALUES ($1)", &[&"ada"]).await?;
    /// mails.send_in(&transaction, vec!["welcome ada".to_owned().into()]).await?;
    /// transaction.commit().await?;
    /// mails.wake();
    /// # Ok(())
    /// # }
    /// ```
    pub async fn send_in(
        &self,
        transaction: &Transaction<'_>,
        messages: Vec<Outgoing<B>>,
    ) -> Result<Vec<Unsettled>, QueueError> {
        send::within(&self.0, transaction, messages).await
    }

    /// Wakes those who wait for messages, in all programs: something was sent in a transaction that is committed now.
    pub fn wake(&self) {
        self.0.db.watch().tell(self.0.queue);
    }

    async fn settle(
        &self,
        settle: Settle,
        receipts: Vec<Receipt>,
    ) -> Result<Vec<Unsettled>, QueueError> {
        if receipts.is_empty() {
            return Ok(Vec::new());
        }
        held("the queue", settle::settle(&self.0, settle, &receipts)).await
    }
}

impl<B: QueueBody> Queue for PostgresQueue<B> {
    type Body = B;

    fn name(&self) -> Name {
        self.0.name.clone()
    }

    fn profile(&self) -> Profile {
        self.0.profile
    }

    async fn receive(&self, ask: Ask) -> Result<Vec<Received<B>>, QueueError> {
        // It waits for messages, perhaps for as long as it may.
        held_briefly("the queue", receive::receive(&self.0, ask)).await
    }

    async fn ack(&self, receipts: Vec<Receipt>) -> Result<Vec<Unsettled>, QueueError> {
        self.settle(Settle::Ack, receipts).await
    }

    async fn nack(
        &self,
        receipts: Vec<Receipt>,
        delay: Duration,
    ) -> Result<Vec<Unsettled>, QueueError> {
        let nacks = receipts.into_iter().map(Nack::new);
        self.nack_failed(nacks.collect(), delay).await
    }

    async fn nack_failed(
        &self,
        nacks: Vec<Nack>,
        delay: Duration,
    ) -> Result<Vec<Unsettled>, QueueError> {
        if nacks.is_empty() {
            return Ok(Vec::new());
        }
        held("the queue", settle::nack(&self.0, delay, &nacks)).await
    }

    async fn extend(
        &self,
        receipts: Vec<Receipt>,
        lease: Duration,
    ) -> Result<Vec<Unsettled>, QueueError> {
        self.settle(Settle::Extend(lease), receipts).await
    }

    fn tells_begun(&self) -> bool {
        true
    }

    async fn mark_begun(&self, receipts: Vec<Receipt>) -> Result<Vec<Unsettled>, QueueError> {
        self.settle(Settle::Begin, receipts).await
    }

    async fn give_back(&self, receipts: Vec<Receipt>) -> Result<Vec<Unsettled>, QueueError> {
        self.settle(Settle::GiveBack, receipts).await
    }

    async fn send(&self, messages: Vec<Outgoing<B>>) -> Result<Vec<Unsettled>, QueueError> {
        held("the queue", send::send(&self.0, messages)).await
    }

    fn place(&self) -> Option<Arc<str>> {
        Some(Arc::clone(&self.0.place))
    }
}

impl<B: QueueBody> Clone for PostgresQueue<B> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<B: QueueBody> fmt::Debug for PostgresQueue<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PostgresQueue").field(&self.0.name).finish()
    }
}
