//! Queues: where deliveries come from, and where their fate is told.

mod body;
mod connecting;
mod dead_letters;
mod deliveries;
mod delivery;
mod ends;
#[cfg(feature = "json")]
mod json;
mod keeper;
mod memory;
mod poison;
mod receiving;
mod replay;
mod sink;
mod stats;
mod text;

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::failure::BoxError;
use crate::place::{ErrorKind, place_error};

pub use crate::ticket::Receipt;
pub use body::Body;
pub use dead_letters::{
    DeadFrame, DeadLetter, DeadLetterEnd, DeadLetters, DeadLettersError, dead_letters,
};
pub use deliveries::{Deliveries, deliveries};
pub use delivery::Delivery;
pub use ends::{Acks, Nacks, acks, nacks};
#[cfg(feature = "json")]
pub use json::{Json, JsonQueue, NoJson, json};
pub use keeper::{DeliverySnapshot, LastError};
pub use memory::{Memory, memory};
#[doc(hidden)]
pub use receiving::Receiving;
pub use sink::{Sends, sink};
pub use stats::DeliveryStats;

/// A queue of messages that are leased, not given: a message that is received is hidden from other consumers until its
/// lease ends, and comes again unless it is acknowledged before.
///
/// Everything is done in batches. All methods take `&self`: one queue serves any number of pipelines, and any number of
/// processes may compete for the messages of one queue. A message is delivered at least once, to one consumer at a time
/// as long as its lease is kept.
///
/// An error that is [away](ErrorKind::Away) is tried again with back-off, and so are entries of that kind; any other error
/// ends the source, once the queue has answered: before, [`Deliveries::connect_within`] says for how long any is tried
/// again. A panic of `ack`, `nack` or `extend` is an error that is away; one of `receive` ends the source, one of
/// `send` fails its messages.
///
/// Futures that are dropped have settled their entries or not. That of `send` is dropped when the pipeline stops; those of
/// `ack` and `nack` a second after an abort, five after a failure that stops the pipeline, 100 ms after the deadline of a
/// drain; that of `extend` after a third of the lease.
///
/// `conformance::queue`, with the feature `conformance`, has the tests that every implementation must pass.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a queue",
    note = "implement `Queue`, or use `queue::memory()` or one of the connectors' queues"
)]
pub trait Queue: Send + Sync + 'static {
    /// What a message carries.
    type Body: Body;

    /// The name in reports and messages, as `sqs:orders`.
    fn name(&self) -> Arc<str>;

    /// What holds for this queue.
    fn profile(&self) -> Profile;

    /// Leases up to `max` (at least 1) messages for [`Profile::lease`]. Waits up to `wait` for the first one; with none
    /// by then it returns an empty list. It may return fewer than there are.
    ///
    /// # Cancel safety
    ///
    /// Draining a pipeline drops the future. Messages that were leased for it meanwhile must not be lost: they come
    /// again when their lease ends, if not before.
    fn receive(
        &self,
        max: usize,
        wait: Duration,
    ) -> impl Future<Output = Result<Vec<Received<Self::Body>>, QueueError>> + Send;

    /// The messages are done with: removes them. A message whose lease this consumer has lost is reported as
    /// [`Unsettled::refused`], where the queue can tell.
    fn ack(
        &self,
        receipts: Vec<Receipt>,
    ) -> impl Future<Output = Result<Vec<Unsettled>, QueueError>> + Send;

    /// The messages are not done: they are to be delivered again, to anyone, after `delay`.
    fn nack(
        &self,
        receipts: Vec<Receipt>,
        delay: Duration,
    ) -> impl Future<Output = Result<Vec<Unsettled>, QueueError>> + Send;

    /// The messages are still being worked on: their leases end `lease` from now.
    fn extend(
        &self,
        receipts: Vec<Receipt>,
        lease: Duration,
    ) -> impl Future<Output = Result<Vec<Unsettled>, QueueError>> + Send;

    /// Whether it tells deliveries that were worked on from those that only waited to be: by [`Queue::mark_begun`],
    /// [`Queue::give_back`] and [`Received::begun`]. The default is that it does not; then each delivery counts.
    fn tells_begun(&self) -> bool {
        false
    }

    /// Work begins on these deliveries: [`Received::begun`] counts each of them from now on, however often this is called.
    /// Called before a stage sees the message, so it must not be slow; it need not outlast a crash of the machine.
    ///
    /// The default does nothing.
    fn mark_begun(
        &self,
        _receipts: Vec<Receipt>,
    ) -> impl Future<Output = Result<Vec<Unsettled>, QueueError>> + Send {
        std::future::ready(Ok(Vec::new()))
    }

    /// No work has begun on these deliveries: their messages are to be delivered again at once, to anyone, and as if they
    /// had not been delivered now.
    ///
    /// The default is a `nack`, which counts as a delivery.
    fn give_back(
        &self,
        receipts: Vec<Receipt>,
    ) -> impl Future<Output = Result<Vec<Unsettled>, QueueError>> + Send {
        self.nack(receipts, Duration::ZERO)
    }

    /// Appends messages. When it returns without an error, all but those it names are stored.
    fn send(
        &self,
        messages: Vec<Outgoing<Self::Body>>,
    ) -> impl Future<Output = Result<Vec<Unsettled>, QueueError>> + Send;

    /// Which database its messages lie in, for sinks that write there and acknowledge in one transaction.
    #[doc(hidden)]
    fn place(&self) -> Option<Arc<str>> {
        None
    }

    /// The same queue with bodies that are any type of serde's, read and written as JSON.
    ///
    /// A message that is no such JSON is a failure of the source at the errors end, with its delivery: the errors end
    /// acknowledges it, gives it back, or writes it as a dead letter, whose original is the text as it was. The others go
    /// on. What JSON cannot hold is refused when it is sent.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use pipeline_runtime::queue::{self, Queue};
    /// #[derive(Clone, serde::Serialize, serde::Deserialize)]
    /// struct Order {
    ///     id: u64,
    ///     plums: u32,
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let orders = queue::memory::<String>().json::<Order>();
    /// orders.send(vec![Order { id: 1, plums: 12 }.into()]).await?;
    /// let order = orders.receive(1, Duration::ZERO).await?.remove(0);
    /// assert_eq!(order.body.plums, 12);
    /// // In a pipeline: `[orders.deliveries()] push_task(order), let price = price_of(order.plums), …`
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "json")]
    fn json<T>(self) -> JsonQueue<Self, T>
    where
        Self: Sized,
    {
        json(self)
    }

    /// Its deliveries, as the input of a pipeline. A queue that is used elsewhere too is put into an `Arc` before.
    fn deliveries(self) -> Deliveries<Self>
    where
        Self: Sized,
    {
        deliveries(self)
    }
}

impl<Q: Queue> Queue for Arc<Q> {
    type Body = Q::Body;

    fn name(&self) -> Arc<str> {
        Q::name(self)
    }

    fn profile(&self) -> Profile {
        Q::profile(self)
    }

    async fn receive(
        &self,
        max: usize,
        wait: Duration,
    ) -> Result<Vec<Received<Self::Body>>, QueueError> {
        Q::receive(self, max, wait).await
    }

    async fn ack(&self, receipts: Vec<Receipt>) -> Result<Vec<Unsettled>, QueueError> {
        Q::ack(self, receipts).await
    }

    async fn nack(
        &self,
        receipts: Vec<Receipt>,
        delay: Duration,
    ) -> Result<Vec<Unsettled>, QueueError> {
        Q::nack(self, receipts, delay).await
    }

    async fn extend(
        &self,
        receipts: Vec<Receipt>,
        lease: Duration,
    ) -> Result<Vec<Unsettled>, QueueError> {
        Q::extend(self, receipts, lease).await
    }

    fn tells_begun(&self) -> bool {
        Q::tells_begun(self)
    }

    async fn mark_begun(&self, receipts: Vec<Receipt>) -> Result<Vec<Unsettled>, QueueError> {
        Q::mark_begun(self, receipts).await
    }

    async fn give_back(&self, receipts: Vec<Receipt>) -> Result<Vec<Unsettled>, QueueError> {
        Q::give_back(self, receipts).await
    }

    async fn send(
        &self,
        messages: Vec<Outgoing<Self::Body>>,
    ) -> Result<Vec<Unsettled>, QueueError> {
        Q::send(self, messages).await
    }

    fn place(&self) -> Option<Arc<str>> {
        Q::place(self)
    }
}

/// A message as a queue hands it out.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Received<B> {
    /// What it carries.
    pub body: B,
    /// The message's own name: the same at every delivery.
    pub id: Arc<str>,
    /// Stands for this delivery of it.
    pub receipt: Receipt,
    /// How often it was delivered, this time included.
    pub receive_count: u32,
    /// How many of the earlier deliveries were worked on, and not only waited to be: those that were marked as begun, and
    /// those that were given back by `nack`. All of them, where the queue cannot tell.
    pub begun: u32,
    /// When it was sent, as far as the queue knows; else when it was first received.
    pub first_seen: SystemTime,
    /// What tells it from another message of the same id: the same at every delivery, and no other message's. A message
    /// that was sent with an [`Outgoing::dedup`] has that; where the queue stores a name twice, one with a name has that. `None` if the queue cannot tell: then a message whose id was
    /// done before is taken for the one that was.
    pub number: Option<Arc<str>>,
    /// The group that it was sent in, where the queue has groups.
    pub group: Option<Arc<str>>,
}

impl<B> Received<B> {
    /// A message delivered for the first time, sent just now.
    pub fn new(id: impl Into<Arc<str>>, receipt: Receipt, body: B) -> Self {
        Self {
            body,
            id: id.into(),
            receipt,
            receive_count: 1,
            begun: 0,
            first_seen: SystemTime::now(),
            number: None,
            group: None,
        }
    }

    /// The same with the number of deliveries so far, this one included, and the time when it was sent.
    #[must_use]
    pub fn seen(mut self, receive_count: u32, first_seen: SystemTime) -> Self {
        self.receive_count = receive_count;
        self.begun = receive_count.saturating_sub(1);
        self.first_seen = first_seen;
        self
    }

    /// The same with the number of earlier deliveries that were worked on; to be called after [`Received::seen`].
    #[must_use]
    pub fn begun(mut self, begun: u32) -> Self {
        self.begun = begun;
        self
    }

    /// The same with the group that it was sent in.
    #[must_use]
    pub fn group(mut self, group: impl Into<Arc<str>>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// The same with what tells it from another message of its id.
    #[must_use]
    pub fn number(mut self, number: impl Into<Arc<str>>) -> Self {
        self.number = Some(number.into());
        self
    }
}

/// A message on its way into a queue.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Outgoing<B> {
    /// What it carries.
    pub body: B,
    /// Its name, for queues that let the sender choose it; a second message of that name is a duplicate, and is
    /// accepted without being stored again where the queue can tell.
    pub id: Option<Arc<str>>,
    /// What it is a duplicate by, in place of its name: for a message that is to be stored though another of its name is
    /// queued, or was. One of the same `dedup` is a duplicate then. It is not delivered with the message, and a message
    /// without it is still a duplicate of any queued one of its name. Queues that cannot tell duplicates ignore it.
    pub dedup: Option<Arc<str>>,
    /// Messages of one group are delivered in order, one at a time, where the queue has groups.
    pub group: Option<Arc<str>>,
    /// For how long it is not delivered. The default is zero.
    pub delay: Duration,
}

impl<B> Outgoing<B> {
    /// A message without name, group or delay.
    pub fn new(body: B) -> Self {
        Self {
            body,
            id: None,
            dedup: None,
            group: None,
            delay: Duration::ZERO,
        }
    }

    /// The same with a name.
    #[must_use]
    pub fn id(mut self, id: impl Into<Arc<str>>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// The same with what it is a duplicate by, in place of its name.
    #[must_use]
    pub fn dedup(mut self, dedup: impl Into<Arc<str>>) -> Self {
        self.dedup = Some(dedup.into());
        self
    }

    /// The same in a group.
    #[must_use]
    pub fn group(mut self, group: impl Into<Arc<str>>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// The same, delivered no sooner than after `delay`.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

/// One entry of a batch that could not be settled or sent, while others were. Its `Display` is that of what went wrong.
#[derive(Debug)]
pub struct Unsettled {
    index: usize,
    error: QueueError,
    is_gone: bool,
}

impl Unsettled {
    /// The entry at `index`, from 0, failed with this error.
    #[must_use]
    pub fn new(index: usize, error: QueueError) -> Self {
        Self {
            index,
            error,
            is_gone: false,
        }
    }

    /// An entry for which there is no more to do: its lease is lost, or it is refused for what it is.
    pub fn refused(index: usize, error: impl Into<BoxError>) -> Self {
        Self::new(index, QueueError::refused(error))
    }

    /// An entry whose message is not there any more. Of an acknowledgement that is as good as done: the answer to an
    /// earlier one may have been lost.
    #[must_use]
    pub fn gone(index: usize) -> Self {
        Self {
            is_gone: true,
            ..Self::refused(index, "the message is not there any more")
        }
    }

    /// An entry that may succeed when it is tried again.
    pub fn away(index: usize, error: impl Into<BoxError>) -> Self {
        Self::new(index, QueueError::away(error))
    }

    /// An entry that fails because the queue takes nothing more.
    pub fn closed(index: usize, error: impl Into<BoxError>) -> Self {
        Self::new(index, QueueError::closed(error))
    }

    /// The same as an entry of another batch.
    #[must_use]
    pub fn at(mut self, index: usize) -> Self {
        self.index = index;
        self
    }

    /// Its place in the batch, from 0.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// Whether the same may succeed later, as [`ErrorKind`] says.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.error.kind()
    }

    /// Whether the same may succeed later.
    #[must_use]
    pub fn is_away(&self) -> bool {
        self.error.is_away()
    }

    /// Whether its message is not there any more.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.is_gone
    }

    /// What went wrong.
    #[must_use]
    pub fn error(&self) -> &QueueError {
        &self.error
    }

    /// What went wrong, by value.
    #[must_use]
    pub fn into_error(self) -> QueueError {
        self.error
    }
}

impl std::fmt::Display for Unsettled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.error.fmt(f)
    }
}

/// What holds for a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Profile {
    /// For how long a received message is hidden from others. It is extended while the message is worked on.
    pub lease: Duration,
    /// The most messages that one `receive` returns.
    pub receives: usize,
    /// The most entries of one `ack`, `nack` or `extend` that cost one round trip; larger batches are split inside.
    pub settles: usize,
}

impl Profile {
    /// A lease, with batches of up to `receives` and `settles` messages.
    #[must_use]
    pub fn new(lease: Duration, receives: usize, settles: usize) -> Self {
        Self {
            lease,
            receives: receives.max(1),
            settles: settles.max(1),
        }
    }
}

place_error! {
    /// A whole batch could not be received, settled or sent. One that is away (a connection that is down, throttling, a
    /// lock) is tried again with back-off; with any other (no such queue, no permission, a file that is none) the source
    /// ends.
    QueueError
}
