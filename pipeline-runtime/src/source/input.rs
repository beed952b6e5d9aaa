//! What may stand in the header of a pipeline, and how it is asked for items.

use std::task::{Context, Poll};

use super::opened::Opened;
use super::{Flow, Pulled, SourceError};
pub(crate) use crate::errors::Relay;
use crate::graph::Graph;
use crate::name::Name;
use crate::site::StageInfo;
use crate::ticket::{Carried, Carry};

/// What may stand in the header of a pipeline. It is sealed: inputs of your own are [`Source`](super::Source)s.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an input of a pipeline",
    note = "an input is a `Source`, `source::iter(…)`, `source::stream(…)`, a `tokio::sync::mpsc::Receiver`, another pipeline, a `Vec` or a range"
)]
pub trait Input: Send + 'static {
    /// What it emits.
    type Item: Send + 'static;
    #[doc(hidden)]
    type Puller: Puller<Item = Self::Item>;

    /// Makes it ready to be asked; its own stages, if it has any, are wired into `graph`.
    #[doc(hidden)]
    fn wire(self, graph: &Graph, failed: Relay) -> Self::Puller;

    /// The same under another name in plans, reports and messages, which nothing else in the pipeline may have. (A
    /// pipeline has [a method of its own](crate::Pipeline::named), by which its stages have that name in front.)
    ///
    /// What merges, concatenates or collects inputs has no row of its own: its inputs are named, one by one.
    ///
    /// # Examples
    ///
    /// ```
    /// use pipeline_runtime::source::{self, Input as _};
    ///
    /// let both = source::merge(((0..10).named("low"), (90..100).named("high")));
    /// # let _ = both;
    /// ```
    fn named(self, name: impl Into<Name>) -> Named<Self>
    where
        Self: Sized,
    {
        Named {
            input: self,
            name: name.into(),
        }
    }
}

/// An input under another name; [`Input::named`] makes it.
#[derive(Debug, Clone)]
#[must_use = "it is the input of a pipeline"]
pub struct Named<I> {
    input: I,
    name: Name,
}

impl<I: Input> Input for Named<I> {
    type Item = I::Item;
    type Puller = I::Puller;

    fn wire(self, graph: &Graph, failed: Relay) -> Self::Puller {
        if I::Puller::STANDS_FOR_OTHERS {
            let (has, rule) = (
                "no row that could have a name",
                "name its inputs, one by one",
            );
            let stage = StageInfo::new(self.name);
            graph.lock().invalid(&stage, "name", has, rule);
        } else {
            graph.call(self.name);
        }
        self.input.wire(graph, failed)
    }
}

/// A failure of the source: of one item, or its last word.
#[derive(Debug)]
pub struct Fault {
    pub(crate) error: SourceError,
    pub(crate) last: bool,
}

/// What a puller emits, with what travels beside it.
pub(crate) type CarriedOf<P> = Carried<<P as Puller>::Item, <P as Puller>::Ticket>;

/// Something that is asked for items by polling.
pub trait Puller: Send + 'static {
    /// What it emits.
    type Item: Send + 'static;
    /// What travels beside an item.
    type Ticket: Carry;
    /// Whether it is ready at every poll.
    const READY: bool = false;
    /// Whether a drain ends it here. An inner pipeline is drained at its own sources instead.
    const DRAINS: bool = true;
    /// Whether a pause holds it here: not what has sources of its own, or comes out of the pipeline itself.
    const PAUSES: bool = true;
    /// Whether it takes from a link, which ends when those who drive into it have.
    const IS_LINK: bool = false;
    /// Whether it stands for sources with rows of their own, and has none itself.
    const STANDS_FOR_OTHERS: bool = false;
    /// Whether what it waits for comes out of the pipeline that it is the input of.
    const STARVES: bool = false;
    /// Whether it asks for more than one where it is asked for the next item.
    const ASKS_AHEAD: bool = false;
    /// Whether there may be messages behind its items.
    const BRINGS_MESSAGES: bool = Self::Ticket::CARRIES;

    /// Asks for the next item alone.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<CarriedOf<Self>, Fault>>>;

    /// Asks for up to `max` items or failures; `More` only with at least one.
    fn poll_pull(
        &mut self,
        cx: &mut Context<'_>,
        max: usize,
        out: &mut Pulled<CarriedOf<Self>>,
    ) -> Poll<Result<Flow, SourceError>>;

    /// No more is to be taken in: whether [`Puller::poll_next`] still has something to hand out before its end.
    fn drain(&mut self) -> bool {
        false
    }

    /// Nothing is asked for now: gives back what others may take meanwhile.
    fn pause(&mut self) {}

    /// Nothing more will be asked: hands over what it has already taken.
    fn stop(&mut self, _out: &mut Pulled<CarriedOf<Self>>) {}

    /// How many items [`Puller::poll_next`] has dropped on purpose since it was asked last.
    fn skipped(&mut self) -> u64 {
        0
    }

    /// Which of the sources that it stands for the failure was of that came last.
    fn failed(&mut self) -> Option<StageInfo> {
        None
    }

    /// Whether it is the pipeline that it waits for, to have room for more.
    fn holds_back(&self) -> bool {
        false
    }

    /// How many items at most wait in it.
    fn holds(&self) -> usize {
        0
    }

    /// What it stands for, to be taken from by several workers.
    fn opened(self) -> Result<Opened<Self::Item, Self::Ticket>, Self>
    where
        Self: Sized,
    {
        Err(self)
    }

    /// The name in reports.
    fn name(&self) -> Name {
        "source".into()
    }
}
