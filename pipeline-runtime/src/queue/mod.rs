//! Queues: where deliveries come from, and where their fate is told.

mod admin;
mod body;
mod connecting;
mod dead_letters;
mod deciding;
mod deliveries;
mod delivery;
#[cfg(feature = "json")]
mod json;
mod keeper;
mod memory;
mod message;
mod nack;
mod poison;
mod receiving;
mod replay;
mod sink;
mod stats;
mod text_or_bytes;
mod unsettled;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::name::Name;

pub use crate::backoff::Backoff;
pub use crate::ticket::{Attributes, Receipt};
pub use admin::{Admin, Filter, MessageInfo, MessageState, Pause, QueueStats};
pub use body::Body;
pub use dead_letters::{
    DeadFrame, DeadLetter, DeadLetterEnd, DeadLetters, DeadLettersError, dead_letters,
};
pub use deciding::{Acks, Nacks, acks, nacks};
pub use deliveries::Deliveries;
pub(crate) use deliveries::deliveries;
pub use delivery::Delivery;
#[cfg(feature = "json")]
pub(crate) use json::json;
#[cfg(feature = "json")]
pub use json::{Json, JsonQueue, NoJson};
pub use keeper::{DeliverySnapshot, LastError};
pub use memory::{Memory, memory};
pub use message::{Ask, Outgoing, Received};
pub use nack::Nack;
pub use sink::Sends;
pub(crate) use sink::sends;
pub use stats::DeliveryStats;
pub use unsettled::{QueueError, Unsettled};

/// A queue of messages that are leased, not given: a message that is received is hidden from other consumers until its
/// lease ends, and comes again unless it is acknowledged before.
///
/// Everything is done in batches. All methods take `&self`: one queue serves any number of pipelines, and any number of
/// processes may compete for the messages of one queue. A message is delivered at least once, to one consumer at a time
/// as long as its lease is kept.
///
/// An error that is [away](crate::ErrorKind::Away) is tried again with back-off, and so are entries of that kind; any
/// other error ends the source, once the queue has answered: before, [`Deliveries::connect_within`] says for how long
/// any is tried again. A panic of `ack`, `nack`, `nack_failed` or `extend` is an error that is away; one of `receive` ends the source,
/// one of `send` fails its messages.
///
/// Futures that are dropped have settled their entries or not. That of `send` is dropped when the pipeline stops; those of
/// `ack`, `nack` and `nack_failed` a second after an abort, five after a failure that stops the pipeline, 100 ms after the deadline of a
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
    fn name(&self) -> Name;

    /// What holds for this queue.
    fn profile(&self) -> Profile;

    /// Leases up to [`Ask::max`] messages, of the [kinds](Ask::kinds) that are asked for, for [`Profile::lease`]. Waits up to [`Ask::wait`] for the first one; with none by
    /// then it returns an empty list. It may return fewer than there are. A queue on the other side of a network says with each
    /// message [since when](Received::leased_since) its lease counts: an answer may be on its way for longer than that.
    ///
    /// # Cancel safety
    ///
    /// Draining a pipeline drops the future. Messages that were leased for it meanwhile must not be lost: they come
    /// again when their lease ends, if not before.
    fn receive(
        &self,
        ask: Ask,
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

    /// The same of deliveries that have failed: the queue keeps the [error](Nack::error) of each with its message, in place of
    /// an earlier one, for who looks at it: [`MessageInfo::last_error`]. It is the text of the failure, which
    /// a dead letter would have too.
    ///
    /// The default forgets the errors.
    fn nack_failed(
        &self,
        nacks: Vec<Nack>,
        delay: Duration,
    ) -> impl Future<Output = Result<Vec<Unsettled>, QueueError>> + Send {
        let receipts = nacks.into_iter().map(|nack| nack.receipt);
        self.nack(receipts.collect(), delay)
    }

    /// The messages are still being worked on: their leases end `lease` from now.
    fn extend(
        &self,
        receipts: Vec<Receipt>,
        lease: Duration,
    ) -> impl Future<Output = Result<Vec<Unsettled>, QueueError>> + Send;

    /// Waits until leases are over before their time, for all the queue knows: a partition that was given to another
    /// consumer, a connection that broke. Theirs are the receipts; those that are none of this consumer's are passed over.
    /// What has not begun of these deliveries does not begin, and nothing is told the queue of those. What is in work goes on,
    /// and is acknowledged, which is the queue's to refuse. It is called again when it has returned.
    ///
    /// The default never returns: such a queue tells by [`Queue::extend`], and in its answers, what is lost.
    ///
    /// # Cancel safety
    ///
    /// It is dropped when the source ends.
    fn lost(&self) -> impl Future<Output = Vec<Receipt>> + Send {
        std::future::pending()
    }

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
    /// # use pipeline_runtime::queue::{self, Ask, Queue};
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
    /// let order = orders.receive(Ask::new(1, Duration::ZERO)).await?.remove(0);
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

    /// A sink that sends each item to a queue: an [`Outgoing`] message with an id, a group or a delay, or just its body.
    ///
    /// While the queue cannot be reached, or says of a message that it may pass later, the sink tries again with growing
    /// pauses (100 ms to 10 s), and the pipeline waits with it. A message that the queue refuses fails alone. A queue that
    /// will not take messages any more, since it does not exist, say, stops the pipeline.
    ///
    /// A message that is sent for a delivery is in its trace: it has its `traceparent` and `tracestate`, unless it has
    /// a `traceparent` of its own ([`Outgoing::in_trace`]). One that is sent for several has those of the first that has any.
    ///
    /// It is stored at least once: a message may be sent again when the answer of the queue was lost. One with an id is then
    /// stored once where the queue can tell.
    ///
    /// # Examples
    ///
    /// ```
    /// # use pipeline_runtime::queue::{self, Outgoing, Queue};
    /// # use pipeline_runtime::sink::Sink;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let orders = queue::memory::<String>();
    /// let sink = orders.clone().sink();
    /// sink.write(vec!["a body".to_owned()]).await?;
    /// sink.write(vec![Outgoing::new("another".to_owned()).id("order 1")]).await?;
    /// assert_eq!(orders.len(), 2);
    /// # Ok(())
    /// # }
    /// ```
    fn sink(self) -> Sends<Self>
    where
        Self: Sized,
    {
        sends(self)
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

    fn name(&self) -> Name {
        Q::name(self)
    }

    fn profile(&self) -> Profile {
        Q::profile(self)
    }

    async fn receive(&self, ask: Ask) -> Result<Vec<Received<Self::Body>>, QueueError> {
        Q::receive(self, ask).await
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

    async fn nack_failed(
        &self,
        nacks: Vec<Nack>,
        delay: Duration,
    ) -> Result<Vec<Unsettled>, QueueError> {
        Q::nack_failed(self, nacks, delay).await
    }

    async fn extend(
        &self,
        receipts: Vec<Receipt>,
        lease: Duration,
    ) -> Result<Vec<Unsettled>, QueueError> {
        Q::extend(self, receipts, lease).await
    }

    async fn lost(&self) -> Vec<Receipt> {
        Q::lost(self).await
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

/// How long a delivery is this consumer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Leases {
    /// For [`Profile::lease`], and as long again from each [`Queue::extend`], which is called every third of it. The
    /// default.
    #[default]
    Timed,
    /// For [`Profile::lease`], and no longer: nothing is extended. What takes longer is lost, and comes again.
    Fixed,
    /// As long as the connection is there that it came over: nothing is extended, and no clock ends it. The queue tells by
    /// [`Queue::lost`] which are over. [`Profile::lease`] is then only after what time a message comes again that nobody
    /// has decided about.
    Connection,
}

/// What holds for a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Profile {
    /// For how long a received message is hidden from others. It is extended while the message is worked on, if
    /// [`leases`](Self::leases) are timed.
    pub lease: Duration,
    /// What ends a lease. The default is that time does.
    pub leases: Leases,
    /// The most messages that one `receive` returns.
    pub receives: usize,
    /// The most entries of one `ack`, `nack` or `extend` that cost one round trip; larger batches are split inside.
    pub settles: usize,
    /// Whether it can be asked for some [kinds](Ask::kinds) of messages only. The default is that it cannot.
    pub kinds: bool,
}

impl Profile {
    /// A lease, with batches of up to `receives` and `settles` messages.
    #[must_use]
    pub fn new(lease: Duration, receives: usize, settles: usize) -> Self {
        Self {
            lease,
            leases: Leases::Timed,
            receives: receives.max(1),
            settles: settles.max(1),
            kinds: false,
        }
    }

    /// The same of a queue that can be asked for some kinds of messages only.
    #[must_use]
    pub fn kinds(mut self) -> Self {
        self.kinds = true;
        self
    }

    /// The same with leases that something else ends.
    #[must_use]
    pub fn leases(mut self, leases: Leases) -> Self {
        self.leases = leases;
        self
    }
}
