//! Stages without ends, to be wired into pipelines and to be tested alone.

use std::future::Future;
use std::sync::Arc;

use crate::bounds::Item;
use crate::errors::Untasked;
use crate::failure::Failure;
use crate::flow::mapped::convert;
use crate::graph::{Opts, Port};
use crate::pipeline::{finish, open};
use crate::run::context::Call;
use crate::site::Site;
use crate::ticket::{Carry, Ticket};

/// A pipeline without header and `:drive`, for `through(…)` and for tests.
///
/// It is used up by being wired; a function that returns one is how it is reused.
#[must_use = "a segment does nothing until it is wired into a pipeline"]
pub struct Segment<In, Out> {
    pub(crate) site: &'static Site,
    pub(crate) wire: Wire<In, Out>,
}

/// Wires the stages behind a port. Whatever the pipeline's source is, they are wired for tickets.
pub(crate) type Wire<In, Out> =
    Box<dyn FnOnce(Port<In, (), Ticket>) -> Port<Out, (), Ticket> + Send>;

/// Makes a segment of what wires its stages.
pub fn segment<In: Item, Out: Item>(site: &'static Site, wire: Wire<In, Out>) -> Segment<In, Out> {
    Segment { site, wire }
}

/// Wires the stages of a segment, where the stage of `opts` stands.
pub fn through<T: Item, O: Item, Task: Item, K: Carry>(
    port: Port<T, Task, K>,
    opts: &Opts,
    segment: Segment<T, O>,
) -> Port<O, Task, K> {
    let Port {
        graph,
        scope,
        feed,
        inputs,
        reporter,
        errors,
        batches,
    } = port;
    let inside = Port {
        scope: graph.scope(segment.site, Some(scope.stage(opts.main).path)),
        graph,
        feed: convert(feed),
        inputs,
        reporter: Arc::new(Untasked(Arc::clone(&reporter))),
        errors: None,
        batches,
    };
    let Port {
        graph,
        feed,
        inputs,
        batches,
        ..
    } = (segment.wire)(inside);
    Port {
        graph,
        scope,
        feed: convert(feed),
        inputs,
        reporter,
        errors,
        batches,
    }
}

impl<In: Send + 'static, Out: Send + 'static> Segment<In, Out> {
    /// Runs the stages on `items` and collects what they emit: for unit tests of a segment.
    ///
    /// # Errors
    ///
    /// The first failure of an item.
    ///
    /// # Panics
    ///
    /// When it is awaited outside a tokio runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future aborts the run.
    #[track_caller]
    pub fn run_on<I>(self, items: I) -> impl Future<Output = Result<Vec<Out>, Failure>> + Send
    where
        I: IntoIterator<Item = In, IntoIter: Send + 'static>,
    {
        let port = open(crate::source::iter(items), self.site);
        let port = (self.wire)(port.converted());
        finish(port).collects(Call::new("run_on"))
    }
}

impl<In, Out> std::fmt::Debug for Segment<In, Out> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.site.stages.iter().map(|stage| stage.name))
            .finish()
    }
}
