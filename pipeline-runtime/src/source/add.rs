//! What can be added to an input that runs, and why it was not.

use std::error::Error;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use super::{Input, Puller, Relay};
use crate::graph::Graph;
use crate::name::Name;
use crate::ticket::Carry;

/// A source that can be added to the input of a pipeline that runs: any [`Source`](super::Source), iterator, stream or
/// channel, and the deliveries of a queue. It is sealed.
///
/// Pipelines, and what joins several inputs, are no such sources: they have stages that must be known before it runs.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be added to an input that runs",
    label = "no single source",
    note = "a `Source`, `source::iter(…)`, `source::stream(…)`, a `tokio::sync::mpsc::Receiver`, a `Vec`, a range and the deliveries of a queue can; what a pipeline would do is done behind the input"
)]
pub trait Addable: Input {
    #[doc(hidden)]
    type Ticket: Carry;
    #[doc(hidden)]
    type Single: Puller<Item = Self::Item, Ticket = Self::Ticket>;

    /// Makes it ready to be asked.
    #[doc(hidden)]
    fn single(self, graph: &Graph, failed: Relay) -> Self::Single;
}

#[diagnostic::do_not_recommend]
impl<I: Input<Puller: Alone>> Addable for I {
    type Ticket = <I::Puller as Puller>::Ticket;
    type Single = I::Puller;

    fn single(self, graph: &Graph, failed: Relay) -> Self::Single {
        self.wire(graph, failed)
    }
}

/// Stands for no other sources, and has no stages.
pub trait Alone: Puller {}

/// Why a source was not added; [`Sources::add`](super::Sources::add) returns it.
#[must_use = "it has the source that was not added"]
pub struct AddError<I> {
    /// Never locked: the mutex makes it `Sync`, so that `?` takes it whatever the source is.
    source: Mutex<I>,
    why: AddErrorKind,
}

/// Why a source was not added.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddErrorKind {
    /// The pipeline is drained, was stopped, or is gone.
    Ended,
    /// A source that has not ended has that name, or it is `ended`, as the row of those that have is called.
    Named(Name),
}

impl<I> AddError<I> {
    pub(super) fn ended(source: I) -> Self {
        Self::new(source, AddErrorKind::Ended)
    }

    pub(super) fn named(source: I, name: Name) -> Self {
        Self::new(source, AddErrorKind::Named(name))
    }

    fn new(source: I, why: AddErrorKind) -> Self {
        Self {
            source: Mutex::new(source),
            why,
        }
    }

    /// Why.
    #[must_use]
    pub fn kind(&self) -> &AddErrorKind {
        &self.why
    }

    /// The source, of which nothing was taken.
    #[must_use]
    pub fn into_source(self) -> I {
        let source = self.source.into_inner();
        source.unwrap_or_else(PoisonError::into_inner)
    }
}

/// Nothing is asked of the source.
impl<I> fmt::Debug for AddError<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("AddError");
        shown.field("why", &self.why).finish_non_exhaustive()
    }
}

impl<I> fmt::Display for AddError<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            AddErrorKind::Ended => f.write_str(
                "the input takes no more sources; its pipeline is drained, was stopped, or is gone",
            ),
            AddErrorKind::Named(name) => write!(
                f,
                "`{name}` is the name of another row; name each source that has not ended as no other"
            ),
        }
    }
}

impl<I> Error for AddError<I> {}
