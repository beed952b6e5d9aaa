//! What an operator asks of a queue, and does to it.

mod message;
mod stats;

use std::future::Future;
use std::sync::Arc;

use super::QueueError;

pub use message::{Filter, MessageInfo, MessageState};
pub use stats::{Pause, QueueStats};

/// A queue that an operator can look into and act on: count and list its messages, look at one, take it out, have it
/// delivered now, empty the queue, and pause it for all who receive from it.
///
/// Nothing of this takes a message from who works on it before that one hears of it: a message that is cancelled is gone
/// from the queue, and its worker learns so when it next extends the lease. What it then still does is its own; its
/// acknowledgement is as good as done, and nothing comes again.
///
/// What a back end cannot do is an error that is [refused](crate::ErrorKind::Refused) and says so.
///
/// `conformance::admin`, with the feature `conformance`, has the tests that every implementation must pass.
///
/// # Cancel safety
///
/// A call that is dropped has been done or not; [`purge`](Admin::purge) perhaps in part.
///
/// # Examples
///
/// ```
/// # use std::time::Duration;
/// # use pipeline_runtime::queue::{self, Admin, Ask, Filter, MessageState, Outgoing, Pause, Queue};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let orders = queue::memory::<String>();
/// orders.send(vec![Outgoing::new("12 plums".to_owned()).id("order 1")]).await?;
///
/// orders.pause(Pause::For(Duration::from_secs(600))).await?;
/// assert!(orders.receive(Ask::new(1, Duration::ZERO)).await?.is_empty());
///
/// let waiting = orders.list(Filter::default().state(MessageState::Ready), 100).await?;
/// assert_eq!(waiting[0].id, "order 1");
/// assert!(orders.cancel(vec!["order 1".to_owned()]).await?.is_empty());
/// assert_eq!(orders.stats().await?.ready, 0);
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be looked into and acted on",
    note = "implement `queue::Admin`, or use `queue::memory()` or one of the connectors' queues"
)]
pub trait Admin: Send + Sync + 'static {
    /// How many messages there are, since when the oldest waits, and whether the queue is paused.
    fn stats(&self) -> impl Future<Output = Result<QueueStats, QueueError>> + Send;

    /// Up to `limit` of these messages, those first that were sent first. Of each body only the beginning:
    /// [`MessageInfo::PREVIEW`]. To go on, ask for what is [after](Filter::after) the last one.
    fn list(
        &self,
        filter: Filter,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<MessageInfo>, QueueError>> + Send;

    /// The messages of this id, with all of their bodies. There is one at most, but for those that were sent with an
    /// [`Outgoing::dedup`](super::Outgoing::dedup) of their own.
    fn get(&self, id: &str) -> impl Future<Output = Result<Vec<MessageInfo>, QueueError>> + Send;

    /// Removes the messages of these ids, whatever state they are in. Of one that is worked on the worker is told when it
    /// next extends the lease. Returns the ids of which there was none.
    fn cancel(
        &self,
        ids: Vec<String>,
    ) -> impl Future<Output = Result<Vec<String>, QueueError>> + Send;

    /// Messages of these ids that are delayed are ready now; others stay as they are. Returns the ids of which none was
    /// delayed.
    fn retry_now(
        &self,
        ids: Vec<String>,
    ) -> impl Future<Output = Result<Vec<String>, QueueError>> + Send;

    /// Removes all messages that are there when it begins, those that are worked on too. Returns how many.
    fn purge(&self) -> impl Future<Output = Result<u64, QueueError>> + Send;

    /// From now on the queue gives no messages, to nobody, in whatever process: so long, or until it is
    /// [resumed](Admin::resume). What has been received is settled as ever, and what is sent is stored. A second pause
    /// takes the place of the first. Who receives cannot tell it from an empty queue: an input that is
    /// [`until_idle`](super::Deliveries::until_idle) ends.
    fn pause(&self, pause: Pause) -> impl Future<Output = Result<(), QueueError>> + Send;

    /// The queue gives messages again. No error if it was not paused.
    fn resume(&self) -> impl Future<Output = Result<(), QueueError>> + Send;
}

impl<Q: Admin> Admin for Arc<Q> {
    async fn stats(&self) -> Result<QueueStats, QueueError> {
        Q::stats(self).await
    }

    async fn list(&self, filter: Filter, limit: usize) -> Result<Vec<MessageInfo>, QueueError> {
        Q::list(self, filter, limit).await
    }

    async fn get(&self, id: &str) -> Result<Vec<MessageInfo>, QueueError> {
        Q::get(self, id).await
    }

    async fn cancel(&self, ids: Vec<String>) -> Result<Vec<String>, QueueError> {
        Q::cancel(self, ids).await
    }

    async fn retry_now(&self, ids: Vec<String>) -> Result<Vec<String>, QueueError> {
        Q::retry_now(self, ids).await
    }

    async fn purge(&self) -> Result<u64, QueueError> {
        Q::purge(self).await
    }

    async fn pause(&self, pause: Pause) -> Result<(), QueueError> {
        Q::pause(self, pause).await
    }

    async fn resume(&self) -> Result<(), QueueError> {
        Q::resume(self).await
    }
}
