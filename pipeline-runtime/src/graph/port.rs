//! Where the next stage goes on.

use std::sync::Arc;

use super::bound::{automatic, keyed};
use super::{Arrow, Graph, Kind, Opts};
use crate::errors::{Errors, Reporter};
use crate::flow::edge::{Bound, Edge};
use crate::flow::feed::Feed;
use crate::flow::mapped::{convert, mapped};
use crate::measure::counts::Counts;
use crate::named::debug_by_name;
use crate::run::control::Close;
use crate::site::Scope;
use crate::ticket::{Carried, Carry};

/// The items of one stage, on their way to the next. There may be several in one graph.
#[must_use]
pub struct Port<T, Task, K = ()> {
    pub(crate) graph: Graph,
    pub(crate) scope: Scope,
    pub(crate) feed: Arc<dyn Feed<Carried<T, K>>>,
    /// What leads to the next stage.
    pub(crate) inputs: Vec<Arrow>,
    pub(crate) reporter: Arc<dyn Reporter<Task>>,
    /// `None` inside a segment, which has the failures of the pipeline around it.
    pub(crate) errors: Option<Arc<Errors<Task>>>,
    /// Whether its items are batches as `batch` made them.
    pub(crate) batches: bool,
}

debug_by_name!(Port<T, Task, K>);

impl<T, Task, K: Carry> Port<T, Task, K> {
    /// Makes the edge behind a group and tells the edges in front of it how many items may wait.
    pub(crate) fn edge<O: Send + 'static>(&self, opts: &Opts) -> Arc<Edge<Carried<O, K>>> {
        let written = opts.buffer.or(opts.window);
        let buffer = written.unwrap_or_else(|| automatic::<T>(1));
        for Arrow { bound, .. } in &self.inputs {
            bound.rebound(&|bound| {
                let automatic = bound.automatic && written.is_none();
                let limit = if automatic {
                    bound.limit
                } else {
                    bound.window.saturating_add(buffer)
                };
                Bound {
                    limit,
                    automatic,
                    ..bound
                }
            });
        }
        let written = opts
            .window
            .or(opts.buffer)
            .map(|window| window.max(opts.count));
        let count = if opts.journal { 1 } else { opts.count };
        let window = written.unwrap_or_else(|| match (opts.by, opts.kind) {
            // What waits for its key has been taken, and is still to be worked on when the pipeline drains.
            (true, Kind::Async) => automatic::<O>(count).min(keyed(count)),
            _ => automatic::<O>(count),
        });
        let floor = if opts.by {
            keyed(count).min(window)
        } else {
            count.max(1).saturating_mul(2)
        };
        let bound = Bound {
            window,
            limit: window,
            automatic: written.is_none(),
            floor,
            extra: 0,
        };
        let edge = Arc::new(Edge::new(
            bound,
            opts.ordered,
            Counts::of(opts.stages.len()).with_arms(opts.arms),
        ));
        let control = self.graph.control();
        control.closes(Arc::clone(&edge) as Arc<dyn Close>);
        edge
    }
}

impl<T: Send + 'static, Task, A: Carry> Port<T, Task, A> {
    /// The same with tickets of another kind.
    pub(crate) fn converted<B: Carry>(self) -> Port<T, Task, B> {
        self.fed(convert)
    }

    /// The same with what `map` makes of each item and its ticket.
    pub(crate) fn mapped<U: Send + 'static, B: Carry>(
        self,
        map: impl Fn(Carried<T, A>) -> Carried<U, B> + Send + Sync + 'static,
    ) -> Port<U, Task, B> {
        self.fed(|feed| mapped(feed, map))
    }

    fn fed<U, B: Carry>(
        self,
        feed: impl FnOnce(Arc<dyn Feed<Carried<T, A>>>) -> Arc<dyn Feed<Carried<U, B>>>,
    ) -> Port<U, Task, B> {
        Port {
            graph: self.graph,
            scope: self.scope,
            feed: feed(self.feed),
            inputs: self.inputs,
            reporter: self.reporter,
            errors: self.errors,
            batches: self.batches,
        }
    }
}
