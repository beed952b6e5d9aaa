//! A bounded hand-over between pipelines that takes the ticket of an item along.

mod between;
mod input;
mod joint;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use self::between::Between;
pub use self::input::LinkInput;
pub use self::joint::{Joint, JointKept};
use crate::name::Name;
use crate::run::idle::Idle;
use crate::run::links::{Joins, Links};
use crate::sink::{Settles, Sink, SinkError, Stake, Written};

/// Joins pipelines: what is driven into a [sink](Link::sink) of the link comes out of an [input](Link::input) of it, in
/// order. At most `capacity` items (at least 1) wait in between; a sink that finds no room waits for it.
///
/// An item takes its ticket along. Where it comes from a queue, its message is acknowledged when the item is done *behind*
/// the link; its lease is kept until then, and the dead letter of a failure there is that of the message. So the pipelines
/// run at the same time: the one in front does not end before all that it has handed on is settled. Where that one *fails*,
/// a task that outlives it keeps the leases, and acknowledges what is done, as long as the link and the pipelines behind it have
/// items. Where it is aborted, nobody extends the leases any more: what is not done behind the link by their end is delivered
/// again.
///
/// Of an item that comes from no queue the link keeps a clone until something has become of it: what a pipeline behind the
/// link has not done when it fails, is aborted, or runs out of its deadline, waits in the link again, in its old place,
/// for the next pipeline that takes from it. These clones are no more than that pipeline has items. What has *failed*
/// has been told, and does not come again, unless who is told [gives it back](crate::Failure::nack).
/// [`once`] makes a link of items that are no `Clone`.
///
/// There may be any number of sinks and of inputs; each item comes out of one. The link ends for its inputs when it is
/// empty and all sinks that there were have ended: with the last write of their pipeline, or because they are dropped.
/// [`Link::keep_open`] keeps it from ending, [`Link::close`] ends it.
///
/// What waits in memory is gone with the program: only messages of a queue come again then.
///
/// In plans and reports a link is a row of the pipeline behind it.
///
/// # Errors
///
/// With a capacity of 0 a pipeline behind it does not start, and one in front stops at its first item. Into a link that is closed nothing can be put: the pipeline in front
/// stops with [`Stop::Sink`](crate::Stop::Sink), and messages that could not be handed on come again.
///
/// # Examples
///
/// ```
/// use pipeline_runtime::link::link;
///
/// let words = link::<String>(1_000).named("words");
/// let (end_of_the_first, head_of_the_second) = (words.sink(), words.input());
/// # let _ = (end_of_the_first, head_of_the_second);
/// ```
pub fn link<T: Clone + Send + 'static>(capacity: usize) -> Link<T> {
    Link(Arc::new(Between::new(capacity, |item| Some(item.clone()))))
}

/// The same of items of which nothing is kept. What comes from no queue, and was under way in a pipeline that failed or was
/// aborted, is gone; [`Link::lost`] counts it.
pub fn once<T: Send + 'static>(capacity: usize) -> Link<T> {
    Link(Arc::new(Between::new(capacity, |_| None)))
}

/// A hand-over between pipelines; [`link()`] makes it. Clones are the same link. Neither they nor its inputs keep it from
/// ending.
#[must_use = "nothing goes through it unless pipelines have its ends"]
pub struct Link<T>(Arc<Between<T>>);

impl<T> Clone for Link<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> fmt::Debug for Link<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("name", &self.0.name)
            .field("capacity", &self.0.capacity)
            .field("waiting", &self.0.waiting())
            .finish()
    }
}

impl<T: Send + 'static> Link<T> {
    /// The name of its ends in plans, reports and messages. The default is `link`.
    ///
    /// # Panics
    ///
    /// It has ends already.
    pub fn named(self, name: impl Into<Name>) -> Self {
        let mut between = Arc::into_inner(self.0).expect("a link is named before it has ends");
        between.name = name.into();
        Self(Arc::new(between))
    }

    /// A new sink, which the link waits for from now on.
    #[must_use]
    pub fn sink(&self) -> LinkSink<T> {
        self.0.begins();
        LinkSink {
            of: Arc::clone(&self.0),
            ended: AtomicBool::new(false),
        }
    }

    /// A new input.
    pub fn input(&self) -> LinkInput<T> {
        self.0.is_wanted();
        LinkInput(Arc::clone(&self.0))
    }

    /// Puts an item from outside of pipelines; waits while there is no room. Who puts is no sink: the link does not wait
    /// for more of it unless it is [kept open](Link::keep_open).
    ///
    /// # Errors
    ///
    /// The item, if the link is closed, or has a capacity of 0.
    ///
    /// # Cancel safety
    ///
    /// The item is dropped where it has not been put.
    pub async fn put(&self, item: T) -> Result<(), T> {
        let put = self.0.put(vec![(item, Stake::default())]).await;
        put.map_err(|mut left| left.remove(0))
    }

    /// Keeps it from ending, as long as what this returns is there: while a pipeline in front of it is made again, say.
    pub fn keep_open(&self) -> KeptOpen<T> {
        self.0.keep_open();
        KeptOpen(Arc::clone(&self.0))
    }

    /// Nothing more can be put; its inputs end when it is empty.
    pub fn close(&self) {
        self.0.close();
    }

    /// Takes out what waits in a link that is closed, in order; messages that it comes from are given back. Nothing while
    /// it is open.
    #[must_use]
    pub fn left(&self) -> Vec<T> {
        self.0.left()
    }

    /// How many items wait now. With those that came back from a pipeline these may be more than its capacity.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.0.waiting()
    }

    /// How many items are gone with a pipeline behind it that failed or was aborted, because nothing was kept of them.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.0.lost()
    }
}

/// Keeps a link open; [`Link::keep_open`] makes it.
#[must_use = "dropped, it lets the link end"]
pub struct KeptOpen<T>(Arc<Between<T>>);

impl<T> fmt::Debug for KeptOpen<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeptOpen").field(&self.0.name).finish()
    }
}

impl<T> Drop for KeptOpen<T> {
    fn drop(&mut self) {
        self.0.let_end();
    }
}

/// A sink of a link; [`Link::sink`] makes it.
pub struct LinkSink<T> {
    of: Arc<Between<T>>,
    ended: AtomicBool,
}

impl<T> fmt::Debug for LinkSink<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LinkSink").field(&self.of.name).finish()
    }
}

impl<T> LinkSink<T> {
    /// Nothing more comes from it.
    fn end(&self) {
        // Relaxed: who ends it first is all that matters, and the link has a lock.
        if !self.ended.swap(true, Ordering::Relaxed) {
            self.of.ends();
        }
    }

    async fn put(&self, items: Vec<(T, Stake)>) -> Result<Written, SinkError<T>> {
        let Between { name, capacity, .. } = &*self.of;
        if *capacity == 0 {
            let why = format!("the link `{name}` has a capacity of 0; a capacity is at least 1");
            return Err(SinkError::closed(why));
        }
        let put = self.of.put(items).await;
        put.map(|()| Written::all()).map_err(|left| {
            SinkError::closed(format!("the link `{name}` is closed")).with_items(left)
        })
    }
}

impl<T> Drop for LinkSink<T> {
    fn drop(&mut self) {
        self.end();
    }
}

impl<T: Send + 'static> Sink<T> for LinkSink<T> {
    const SETTLES: Settles = Settles::HandsOn;

    async fn write(&self, items: Vec<T>) -> Result<Written, SinkError<T>> {
        let items = items.into_iter().map(|item| (item, Stake::default()));
        self.put(items.collect()).await
    }

    async fn settle(&self, items: Vec<T>, stakes: Vec<Stake>) -> Result<Written, SinkError<T>> {
        self.put(items.into_iter().zip(stakes).collect()).await
    }

    async fn flush(&self) -> Result<(), SinkError<T>> {
        self.end();
        Ok(())
    }

    fn leads_from(&self, idle: &Arc<Idle>) {
        self.of.is_behind(idle);
    }

    fn joins(&self, links: &Links) {
        links.add(Arc::clone(&self.of) as Arc<dyn Joins>, true);
    }

    fn name(&self) -> Name {
        self.of.name.clone()
    }
}
