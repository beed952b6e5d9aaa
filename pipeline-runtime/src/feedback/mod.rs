//! A source and a sink that share a queue: what a pipeline makes of its items may go in again.

mod head;
mod looped;

use std::fmt;
use std::sync::Arc;

use self::head::{Head, Quiet, Seeds};
use self::looped::Loop;
use crate::failure::Cause;
use crate::graph::Graph;
use crate::sink::{Failed, Settles, Sink, SinkError, Stake, Written};
use crate::site::StageInfo;
use crate::source::{Input, Joined, Opened, Relay, Turns, alone, opened};
use crate::ticket::Ticket;

/// A loop: an input of `seeds` and of all that is driven into the sink, of which at most `limit` items (at least 1) wait
/// to go in again. What waits goes in before more seeds do.
///
/// The input ends by itself, when there are no more seeds, nothing waits, and nothing is under way: whatever was made of
/// an item that went in is done, filtered or failed. What a failure becomes later is not waited for.
///
/// The sink never waits, so that no loop can wait for itself: an item that finds `limit` others waiting fails with
/// [`Cause::Full`]. The stages in between have their own bounds, as ever.
///
/// Seeds may be the deliveries of a queue, by way of a pipeline that makes items of them. Such a message is acknowledged
/// when all that came of it is done, however often that went in again; a failure of any of it is decided about as ever.
/// [`dead_letters`](crate::queue::dead_letters()) writes no letter of a message for which a loop was full: it comes again
/// after a lease.
///
/// Where nothing waits and nothing changes for 20 ms while items are under way, open batches go on with what they have.
///
/// At a drain nothing goes in any more. What waits then, and what is still driven into the sink, up to `limit`, is
/// [left](Again::left); messages that it comes from are given back.
///
/// Plan and report have a row `feedback` for what goes in again, besides that of the seeds.
///
/// # Errors
///
/// With a limit of 0 the pipeline does not start.
///
/// # Examples
///
/// ```
/// use pipeline_runtime::feedback;
///
/// let (again, input) = feedback(100_000, vec!["https://example.org/".to_owned()]);
/// # let _ = (again, input);
/// ```
pub fn feedback<I: Input>(limit: usize, seeds: I) -> (Again<I::Item>, Feedback<I>) {
    let of = Loop::new(limit);
    let again = Again(Arc::clone(&of));
    (again, Feedback { seeds, of })
}

/// The sink of a loop; [`feedback()`] makes it. Clones are the same sink.
pub struct Again<T>(Arc<Loop<T>>);

impl<T> Clone for Again<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Send + 'static> Again<T> {
    /// What waited to go in again when the pipeline was drained or stopped, in order; nothing while it goes on, and
    /// nothing where it ended by itself.
    #[must_use]
    pub fn left(&self) -> Vec<T> {
        self.0.left()
    }

    /// How many items wait to go in again now.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.0.waiting()
    }

    fn put(&self, items: impl Iterator<Item = (T, Stake)>) -> Written {
        let mut written = Written::all();
        let limit = self.0.limit;
        let full = self.0.put(items).into_iter().map(|(index, ticket)| Failed {
            ticket,
            ..Failed::new(index, None, Cause::Full { limit })
        });
        written.failed.extend(full);
        written
    }
}

impl<T: Send + 'static> fmt::Debug for Again<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Again")
            .field("limit", &self.0.limit)
            .field("waiting", &self.waiting())
            .finish()
    }
}

impl<T: Send + 'static> Sink<T> for Again<T> {
    const SETTLES: Settles = Settles::HandsOn;

    async fn write(&self, items: Vec<T>) -> Result<Written, SinkError<T>> {
        let items = items.into_iter().map(|item| (item, Stake::default()));
        Ok(self.put(items))
    }

    async fn settle(&self, items: Vec<T>, stakes: Vec<Stake>) -> Result<Written, SinkError<T>> {
        Ok(self.put(items.into_iter().zip(stakes)))
    }
}

/// The input of a loop; [`feedback()`] makes it.
#[must_use = "it is the input of a pipeline"]
pub struct Feedback<I: Input> {
    seeds: I,
    of: Arc<Loop<I::Item>>,
}

impl<I: Input> fmt::Debug for Feedback<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feedback")
            .field("limit", &self.of.limit)
            .finish_non_exhaustive()
    }
}

impl<I: Input> Input for Feedback<I> {
    type Item = I::Item;
    type Puller = Joined<I::Item, Ticket>;

    fn wire(self, graph: &Graph, relay: Relay) -> Self::Puller {
        let Self { seeds, of } = self;
        let idle = Arc::clone(graph.control().idle());
        idle.want();
        let seeds: Opened<_, Ticket> = opened(seeds, graph, &relay).converted();
        let seeds = Opened {
            feed: Arc::new(Seeds {
                feed: seeds.feed,
                of: Arc::clone(&of),
            }),
            ..seeds
        };
        if of.limit == 0 {
            let (has, rule) = ("a limit of 0", "a limit is at least 1");
            let stage = StageInfo::new("feedback");
            graph.lock().invalid(&stage, "limit", has, rule);
        }
        let head = Head {
            of,
            idle,
            quiet: Quiet::default(),
        };
        let head = alone(head, graph, &relay);
        Joined::new(graph, "feedback", vec![head, seeds], Turns::First)
    }
}
