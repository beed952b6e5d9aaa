//! A queue as the input of a pipeline.

use std::sync::Arc;
use std::time::Duration;

use super::connecting::Connecting;
use super::keeper::{Keeper, Terms, keep};
use super::poison::Poison;
use super::receiving::{Asks, Receiving};
use super::{Ask, DeadLetters, Delivery, DeliveryStats, Queue};
use crate::graph::Graph;
use crate::source::{Input, Relay};

/// For how long one `receive` waits for a message, unless it is said otherwise.
const WAIT: Duration = Duration::from_secs(20);

/// How long a queue may take to answer for the first time, unless it is said otherwise.
const CONNECT_WITHIN: Duration = Duration::from_secs(60);

/// The deliveries of a queue, each of which is acknowledged when the pipeline is done with it.
///
/// It does not end by itself, unless it is told to with [`Deliveries::until_idle`]: the pipeline runs until it is
/// drained, stopped, or the queue fails for good.
///
/// What becomes of a delivery is what becomes of the item that was made of it:
///
/// | the item | its delivery |
/// |---|---|
/// | is written by the sink behind `:drive` | is acknowledged |
/// | is dropped by a `filter`, or has no outputs | is acknowledged, or with [`Deliveries::nack_filtered`] delivered again |
/// | becomes several by `flat_map` | is acknowledged with the last of them, delivered again if one is |
/// | becomes part of a `batch` | shares what becomes of the batch |
/// | fails | is decided about by the errors end: [`Failure::ack`](crate::Failure::ack), [`Failure::nack`](crate::Failure::nack), [`nacks`](super::nacks), [`dead_letters`](super::dead_letters()) |
/// | fails, and nobody decides, or there is no errors end | is delivered again after a lease |
/// | is collected, or taken from a stream | is acknowledged when all is collected, or when the next item is asked for |
/// | is dropped any other way: a stop, an abort, a dropped pipeline | is delivered again at once |
/// | still waits in front of the first stage when the pipeline is drained or stopped | is delivered again at once, as if it had not been; at a drain it is worked on where the queue counts each delivery, as SQS does |
/// | is lost with its process | is delivered again when its lease ends |
///
/// While an item is queued or worked on, the lease of its delivery is extended whenever a third of it has passed.
///
/// Each delivery has a span of `tracing`, of target `brigade`, level `info` and name `delivery`, with the fields `queue`, `id`,
/// `attempt` and `traceparent`. It is entered wherever a stage works on an item of the delivery, of several on one of the
/// first; a sink, which may write those of many at once, is outside of it. Where nobody listens there is none.
#[derive(Debug)]
#[must_use = "deliveries are the input of a pipeline"]
pub struct Deliveries<Q: Queue> {
    queue: Arc<Q>,
    keeper: Arc<Keeper>,
    prefetch: Option<usize>,
    wait: Duration,
    kinds: Arc<[Arc<str>]>,
    connect_within: Duration,
    until_idle: bool,
    nack_filtered: bool,
    poison: Poison,
}

/// The deliveries of a queue, as the input of a pipeline.
pub(crate) fn deliveries<Q: Queue>(queue: Q) -> Deliveries<Q> {
    Deliveries {
        queue: Arc::new(queue),
        keeper: Arc::default(),
        prefetch: None,
        wait: WAIT,
        kinds: Arc::default(),
        connect_within: CONNECT_WITHIN,
        until_idle: false,
        nack_filtered: false,
        poison: Poison::Never,
    }
}

impl<Q: Queue> Deliveries<Q> {
    /// How many messages (at least 1) are received at once: as many are leased and wait in front of the first stage.
    /// The default is what the queue returns at most. Where an item takes minutes, 1 leaves more to other consumers.
    pub fn prefetch(mut self, messages: usize) -> Self {
        self.prefetch = Some(messages.max(1));
        self
    }

    /// For how long the queue is asked to wait for a message before it is asked again. The default is 20 s. A drain
    /// interrupts it.
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// Only messages of these [kinds](super::Outgoing::kind) are received; the others are left to those who ask for them. Of a
    /// group, a message of another kind holds up those behind it. The default is all, those without a kind too, and so is a
    /// list of none.
    ///
    /// A source whose queue cannot do that ends with an error that says so; `queue::memory()` and the queues in SQLite and
    /// PostgreSQL can.
    ///
    /// # Examples
    ///
    /// ```
    /// # use pipeline_runtime::queue::{self, Outgoing, Queue};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let jobs = queue::memory::<String>();
    /// jobs.send(vec![Outgoing::new("of June".to_owned()).kind("report")]).await?;
    /// let reports = jobs.deliveries().kinds(["report", "summary"]);
    /// # let _ = reports;
    /// # Ok(())
    /// # }
    /// ```
    pub fn kinds(mut self, kinds: impl IntoIterator<Item = impl Into<Arc<str>>>) -> Self {
        self.kinds = Ask::new(1, self.wait).kinds(kinds).kinds;
        self
    }

    /// How long it may take until the queue can be received from for the first time. The default is 60 s;
    /// [`Duration::MAX`] is for ever, zero is no second try.
    ///
    /// Until then any error is tried again, with pauses of up to about 3 s: a server that is not up yet, a queue that is not
    /// made yet, credentials that are not there yet, or never will be. If it lasts longer, the source ends with the last
    /// error. Once the queue has answered, one that is [away](crate::ErrorKind::Away) is waited for as long as it takes, and
    /// any other error ends the source. A warning says so when it begins and each minute while it lasts, and
    /// [`DeliveryStats::last_error`] shows it.
    pub fn connect_within(mut self, time: Duration) -> Self {
        self.connect_within = time;
        self
    }

    /// Ends when there is nothing left to do: the queue has had no message for the time of [`Deliveries::wait`], all that
    /// came is done, and nothing that was given back is still to come. So a pipeline that sends to its own queue works on
    /// all that it sends. What others have leased, or have sent with a delay, may come after that.
    ///
    /// A message that is given back each time keeps it from ending, and one that is given back for hours for as long:
    /// [`poison`](Deliveries::poison) and dead letters stop the first, a drain the second.
    ///
    /// When the queue has had no message for that time, open batches go on with what they have. What `collect` has taken
    /// does not count as under way: it is acknowledged at the end.
    pub fn until_idle(mut self) -> Self {
        self.until_idle = true;
        self
    }

    /// Items that a stage drops on purpose, or of which a `flat_map` makes none, are delivered again after a lease,
    /// instead of being acknowledged.
    pub fn nack_filtered(mut self) -> Self {
        self.nack_filtered = true;
        self
    }

    /// Messages that were begun `limit` times, and come again, go to `letters` by themselves, and not into the pipeline:
    /// what kills the process each time is stopped so. The default is no limit. A store of letters that is away is waited
    /// for; if it refuses a letter, or is closed, the source ends with that error.
    ///
    /// A delivery counts that was worked on: not one that only waited beside the one that killed the process, nor one that
    /// a stop gives back before a stage has seen it. Of a first delivery that is known when it is given back; of a message
    /// that was delivered before, that it begins is marked before a stage sees it. One that has begun in half of `limit`
    /// deliveries is worked on beside no other that was delivered before, so that none is blamed for what another does. So
    /// what kills the process at once is stopped after about `limit` kills.
    ///
    /// SQS counts all deliveries, and tells no more: leave `limit` room for restarts there, or let few messages wait with
    /// [`prefetch`](Deliveries::prefetch).
    ///
    /// No stage sees such a message, so its letter has no frames, and a journal still keeps its task as unfinished: if
    /// the letter is replayed in time, the task resumes.
    pub fn poison(mut self, limit: u32, letters: impl DeadLetters) -> Self {
        self.poison = Poison::after(limit, letters);
        self
    }

    /// Counts what becomes of the deliveries, while the pipeline runs and afterwards.
    #[must_use]
    pub fn stats(&self) -> DeliveryStats {
        DeliveryStats(Arc::clone(&self.keeper))
    }
}

impl<Q: Queue> Input for Deliveries<Q> {
    type Item = Delivery<Q::Body>;
    type Puller = Receiving<Q>;

    fn wire(self, graph: &Graph, _failed: Relay) -> Receiving<Q> {
        let Self {
            queue,
            keeper,
            prefetch,
            wait,
            kinds,
            connect_within,
            until_idle,
            nack_filtered,
            poison,
        } = self;
        let profile = queue.profile();
        let (idle, tells_begun) = (Arc::clone(graph.control().idle()), queue.tells_begun());
        // Both ask those who keep items back to go on with them.
        if until_idle || (tells_begun && poison.suspects()) {
            idle.want();
        }
        let open = keeper.open(Terms {
            lease: profile.lease,
            leases: profile.leases,
            settles: profile.settles,
            nack_filtered,
            place: queue.place(),
        });
        graph
            .lock()
            .needs_timer(None, "deliveries whose leases are extended");
        let kept = (Arc::clone(&keeper), Arc::clone(&queue));
        graph.on_start(move |control| {
            kept.0.starts(control.time_is_virtual());
            control.keep(|ending| Box::pin(keep(kept.0, kept.1, ending)));
        });
        let asks = Asks {
            tells_begun,
            connecting: Connecting::within(connect_within, &queue.name()),
            queue,
            keeper,
            ask: Ask {
                max: prefetch.unwrap_or(profile.receives),
                wait,
                kinds,
            },
            can_choose: profile.kinds,
            idle,
            until_idle,
            poison,
        };
        Receiving::new(asks, open)
    }
}
