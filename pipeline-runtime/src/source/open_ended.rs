//! An input of which sources are added while the pipeline runs.

use std::fmt;
use std::sync::{Arc, Weak};

use super::add::{AddError, Addable};
use super::added::Told;
use super::live::Live;
use super::opening::row;
use super::{Input, Joined, Relay};
use crate::graph::{Graph, Group};
use crate::name::Name;
use crate::named::debug_by_name;
use crate::run::control::Close;
use crate::runs::Runs;
use crate::ticket::Carry;

/// An input of sources that are added while the pipeline runs: connections that are opened, files that turn up, queues of
/// customers that come and go.
///
/// What is [added](Sources::add) is asked by itself, each in its turn, and keeps its own order, as the inputs that
/// [`merge`](super::merge()) joins. The input ends when all clones of [`Sources`] are dropped and all that was added has
/// ended.
///
/// A source that cannot go on, or panics, fails alone: its last word is a failure, as that of an item, at the errors end,
/// and the others go on. Without an errors end it stops the pipeline, as every failure.
///
/// A drain of the pipeline drains all of them, and takes no more: what is added then is given back. What was added before
/// the pipeline runs waits for that, and is given back to nobody if it never does.
///
/// A report has a row for each source that has not ended, as `open-ended/peer 7`, and one for the sum of those that have,
/// `open-ended/ended`: so there are no more rows than sources at the same time. A plan has the second.
///
/// Sources whose items are deliveries and sources whose items are none are not mixed: `K` says which these are, and
/// follows from what is added.
///
/// # Examples
///
/// ```
/// # use pipeline_runtime::source::{self, AddError};
/// # fn f() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// let (sources, input) = source::open_ended();
/// sources.add("peer 7", vec!["a line", "and one more"])?;
/// let peer = sources.add("peer 8", vec!["something else"])?;
/// peer.drain();
/// // pipeline! { [input] … }.run().await?;
/// # drop(input);
/// # Ok(())
/// # }
/// # f().unwrap();
/// ```
pub fn open_ended<T: Send + 'static, K: Carry>() -> (Sources<T, K>, OpenEnded<T, K>) {
    let live = Live::new();
    let held = Arc::new(Held(Arc::clone(&live)));
    let waits = Waits(live);
    (Sources(held), OpenEnded(waits))
}

/// Adds sources to an input; [`open_ended`] makes it. Clones add to the same one, and it does not end before they are
/// dropped.
pub struct Sources<T: Send + 'static, K: Carry = ()>(Arc<Held<T, K>>);

/// While it is there, more may be added.
struct Held<T: Send + 'static, K: Carry>(Arc<Live<T, K>>);

impl<T: Send + 'static, K: Carry> Drop for Held<T, K> {
    fn drop(&mut self) {
        self.0.let_go();
    }
}

impl<T: Send + 'static, K: Carry> Sources<T, K> {
    /// Adds a source under a name that no other has which has not ended. Before the pipeline runs it waits for that.
    ///
    /// It does not wait, and there is no bound: a source is asked for items when it is its turn and there is room for them.
    /// What it returns may be dropped.
    ///
    /// # Errors
    ///
    /// The pipeline is drained, was stopped, has ended or was dropped; or a source that has not ended has that name. The
    /// error gives the source back.
    pub fn add<I>(&self, name: impl Into<Name>, source: I) -> Result<Added, AddError<I>>
    where
        I: Addable<Item = T, Ticket = K>,
    {
        let (Self(held), name) = (self, name.into());
        let number = held.0.add(name.clone(), source)?;
        let of = Arc::downgrade(&held.0);
        Ok(Added { name, of, number })
    }

    /// Whether more can be added: the pipeline is neither drained nor stopped, nor gone.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.0.0.is_open()
    }

    /// How many sources have been added that have not ended.
    #[must_use]
    pub fn live(&self) -> usize {
        self.0.0.count()
    }
}

impl<T: Send + 'static, K: Carry> Clone for Sources<T, K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Send + 'static, K: Carry> fmt::Debug for Sources<T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let live = self.live();
        f.debug_struct("Sources").field("live", &live).finish()
    }
}

/// A source that was added; [`Sources::add`] returns it. It need not be kept: the source goes on without it.
#[derive(Clone)]
pub struct Added {
    name: Name,
    of: Weak<dyn Tells>,
    number: u64,
}

trait Tells: Send + Sync {
    fn tell(&self, number: u64, told: Told);
}

impl<T: Send + 'static, K: Carry> Tells for Live<T, K> {
    fn tell(&self, number: u64, told: Told) {
        Live::tell(self, number, told);
    }
}

impl Added {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// Takes no more from it. What it has taken is still processed; then it has ended.
    pub fn drain(&self) {
        self.tell(Told::Drain);
    }

    /// The same, and what it has taken and not handed on is dropped; deliveries are given back.
    pub fn stop(&self) {
        self.tell(Told::Stop);
    }

    fn tell(&self, told: Told) {
        if let Some(of) = self.of.upgrade() {
            of.tell(self.number, told);
        }
    }
}

impl fmt::Debug for Added {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Added").field(&&*self.name).finish()
    }
}

/// The input that [`open_ended`] makes.
#[must_use = "it is the input of a pipeline"]
pub struct OpenEnded<T: Send + 'static, K: Carry = ()>(Waits<T, K>);

debug_by_name!(OpenEnded<T: Send + 'static, K: Carry>);

/// Until the pipeline runs, or never does.
struct Waits<T: Send + 'static, K: Carry>(Arc<Live<T, K>>);

impl<T: Send + 'static, K: Carry> Drop for Waits<T, K> {
    fn drop(&mut self) {
        self.0.never_starts();
    }
}

impl<T: Send + 'static, K: Carry> Input for OpenEnded<T, K> {
    type Item = T;
    type Puller = Joined<T, K>;

    fn wire(self, graph: &Graph, relay: Relay) -> Self::Puller {
        let Self(waits) = self;
        let live = Arc::clone(&waits.0);
        let stage = graph.open_ended("open-ended", "ended");
        let (ended, control) = {
            let mut build = graph.lock();
            if K::default().as_ticket().is_some() {
                build.brings_messages = true;
                build.needs_timer(None, "deliveries whose leases are extended");
                build.control.idle().want();
            }
            (
                build.placed(vec![stage.clone()]),
                Arc::clone(&build.control),
            )
        };
        let closes: Weak<dyn Close> = Arc::downgrade(&(live.clone() as Arc<dyn Close>));
        control.add_source(live.clone());
        control.close_last(closes);
        let group = Group {
            kind: Runs::OpenEnded,
            ..row(stage, live.clone(), graph.leaving(), 0)
        };
        let inputs = vec![group.arrow()];
        graph.push(group);
        graph.on_start(move |control| waits.0.starts(control, relay, ended));
        Joined::of(graph, Arc::clone(&live.join), inputs)
    }
}
