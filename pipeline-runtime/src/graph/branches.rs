//! Where a graph divides and comes together again.

use std::sync::Arc;

use super::lanes::Lanes;
use super::{Arrow, Graph, Port};
use crate::bounds::Item;
use crate::errors::{Errors, Reporter};
use crate::flow::edge::Meter;
use crate::flow::feed::Feed;
use crate::flow::join::Join;
use crate::flow::numbered::{Numbered, Numbers, Returning, Unnumbered};
use crate::flow::ordered::Ordered;
use crate::flow::split::{Divided, Lane, Split};
use crate::name::Name;
use crate::run::control::Close;
use crate::site::Scope;
use crate::ticket::{Carried, Carry};

/// How much of an arm's pattern a chart shows.
const SHOWN: usize = 40;

/// The arms of a `match` whose stages have workers of their own.
#[must_use]
pub struct Branches<E: Divided, Task, A: Carry, N: Numbers<A>> {
    graph: Graph,
    scope: Scope,
    split: Arc<Split<E, A, N>>,
    bounds: Arc<Lanes>,
    reporter: Arc<dyn Reporter<Task>>,
    errors: Option<Arc<Errors<Task>>>,
}

impl<E: Divided, Task, A: Carry, N: Numbers<A>> std::fmt::Debug for Branches<E, Task, A, N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Branches").finish_non_exhaustive()
    }
}

/// Divides the items of a port into lanes, of which `returns` says which come back; what does comes in any order.
pub fn unordered<E: Divided, Task, A: Carry>(
    port: Port<E, Task, A>,
    returns: &[bool],
) -> Branches<E, Task, A, Unnumbered> {
    let numbers = Unnumbered(Returning::of(returns));
    Branches::new(port, numbers, returns.len())
}

impl<E: Divided, Task, A: Carry, N: Numbers<A>> Branches<E, Task, A, N> {
    fn new(port: Port<E, Task, A>, numbers: N, lanes: usize) -> Self {
        let split = Split::new(port.feed, numbers, lanes);
        let control = port.graph.control();
        control.closes(Arc::clone(&split) as Arc<dyn Close>);
        Self {
            graph: port.graph,
            scope: port.scope,
            split,
            bounds: Lanes::adding_up(&port.inputs, lanes),
            reporter: port.reporter,
            errors: port.errors,
        }
    }

    fn port<T, K>(
        &self,
        feed: Arc<dyn Feed<Carried<T, K>>>,
        inputs: Vec<Arrow>,
    ) -> Port<T, Task, K> {
        Port {
            graph: self.graph.clone(),
            scope: self.scope.clone(),
            feed,
            inputs,
            reporter: Arc::clone(&self.reporter),
            errors: self.errors.clone(),
            batches: false,
        }
    }

    /// The port of a lane, whose items `own` takes out of what is divided. It leads on from the `match`, or from the last
    /// stage of an arm that runs where the `match` does: stage number `from`.
    pub fn lane<T: Item>(
        &self,
        lane: usize,
        from: usize,
        pattern: &'static str,
        own: impl Fn(E) -> T + Send + Sync + 'static,
    ) -> Port<T, Task, N::Ticket> {
        let arrow = Arrow {
            from: self.scope.stage(from).id,
            meter: Arc::clone(&self.split) as Arc<dyn Meter>,
            lane,
            label: Some(folded(pattern)),
            bound: self.bounds.lane(lane),
            before: Vec::new(),
            parts: false,
        };
        let split = Arc::clone(&self.split);
        self.port(Arc::new(Lane { split, lane, own }), vec![arrow])
    }

    /// What is behind arms of which none comes back.
    pub(crate) fn end(self) -> (Graph, Option<Arc<Errors<Task>>>) {
        (self.graph, self.errors)
    }
}

/// The same where all comes back in order.
pub fn ordered<E: Divided, Task, A: Carry>(
    port: Port<E, Task, A>,
    returns: &[bool],
) -> Branches<E, Task, A, Numbered> {
    let numbers = Numbered::new(Returning::of(returns));
    Branches::new(port, numbers, returns.len())
}

/// Arms that come back, of which the first says with what.
#[must_use]
pub struct Back<E: Divided, Task, A: Carry, N: Numbers<A>, T> {
    branches: Branches<E, Task, A, N>,
    /// In the order of the lanes.
    arms: Vec<Port<T, Task, N::Ticket>>,
}

impl<E: Divided, Task, A: Carry, N: Numbers<A>, T> std::fmt::Debug for Back<E, Task, A, N, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Back").finish_non_exhaustive()
    }
}

/// Said where arms come back with different things.
#[diagnostic::on_unimplemented(
    message = "the arms of a `match` come back with items of different types: `{T}` and `{Self}`",
    label = "comes back with `{Self}`, and an arm before it with `{T}`",
    note = "all arms that come back do so with items of one type; those of a record with keys of the same types"
)]
pub trait ComesBack<T>: Sized {
    /// The same port.
    fn port<Task, K>(port: Port<Self, Task, K>) -> Port<T, Task, K>;
}

impl<T> ComesBack<T> for T {
    fn port<Task, K>(port: Port<T, Task, K>) -> Port<T, Task, K> {
        port
    }
}

impl<E: Divided, Task, A: Carry, N: Numbers<A>> Branches<E, Task, A, N> {
    /// Whatever comes back.
    pub fn back<T>(self) -> Back<E, Task, A, N, T> {
        Back {
            branches: self,
            arms: Vec::new(),
        }
    }
}

impl<E: Divided, Task, A: Carry, N: Numbers<A>, T> Back<E, Task, A, N, T> {
    /// One more.
    pub fn and<U: ComesBack<T>>(mut self, arm: Port<U, Task, N::Ticket>) -> Self {
        self.arms.push(U::port(arm));
        self
    }
}

impl<E: Divided, Task, A: Carry, T: Item> Back<E, Task, A, Unnumbered, T> {
    /// Brings them together.
    pub fn join(self) -> Port<T, Task, A> {
        let (mut feeds, mut inputs) = (Vec::new(), Vec::new());
        for arm in self.arms {
            feeds.push(arm.feed);
            inputs.extend(arm.inputs);
        }
        if let [_] = feeds[..]
            && let Some(only) = feeds.pop()
        {
            return self.branches.port(only, inputs);
        }
        let join = Arc::new(Join::new(feeds));
        let control = self.branches.graph.control();
        control.closes(Arc::clone(&join) as Arc<dyn Close>);
        self.branches.port(join, inputs)
    }
}

impl<E: Divided, Task, A: Carry, T: Item> Back<E, Task, A, Numbered, T> {
    /// The same, in order.
    pub fn join(self) -> Port<T, Task, A> {
        let (mut arms, mut inputs) = (Vec::new(), Vec::new());
        for arm in self.arms {
            arms.push(arm.feed);
            inputs.push(arm.inputs);
        }
        let join = Arc::new(Ordered::new(self.branches.split.numbers(), arms));
        let control = self.branches.graph.control();
        control.closes(Arc::clone(&join) as Arc<dyn Close>);
        let meter: Arc<dyn Meter> = join.clone();
        let inputs = inputs.into_iter().enumerate();
        let inputs = inputs.flat_map(|(arm, arrows)| counted(&meter, arm, arrows));
        let inputs = inputs.collect();
        self.branches.port(join, inputs)
    }
}

/// The arrows of an arm as they lead on behind an ordered join, which counts what it hands on by arms. Where several lead
/// to it from one arm, nobody knows by which of them an item came that it hands on: they count what they handed to it.
fn counted(meter: &Arc<dyn Meter>, lane: usize, mut arrows: Vec<Arrow>) -> Vec<Arrow> {
    if arrows.len() > 1 {
        return arrows;
    }
    let behind = arrows.pop().map(|arrow| Arrow {
        meter: Arc::clone(meter),
        lane,
        before: vec![arrow.clone()],
        ..arrow
    });
    behind.into_iter().collect()
}

impl<E: Divided, A: Carry, N: Numbers<A>> Close for Split<E, A, N> {
    fn close(&self) {
        Self::close(self);
    }
}

impl<T: Send + 'static, K: Carry> Close for Ordered<T, K> {
    fn close(&self) {
        Self::close(self);
    }
}

impl<T: Send + 'static, K: Send + 'static> Close for Join<T, K> {
    fn close(&self) {
        Self::close(self);
    }
}

/// As much of a pattern as fits at an arrow.
fn folded(pattern: &str) -> Name {
    if pattern.chars().count() <= SHOWN {
        return pattern.to_owned().into();
    }
    let begin: String = pattern.chars().take(SHOWN - 2).collect();
    format!("{begin} …").into()
}
