//! `fold`: one value made of the items of each key.

use std::hash::Hash;

use super::{Bounds, Gathers, gather};
use crate::bounds::{Item, Never, Portable};
use crate::graph::{Opts, Port};
use crate::stage::deadline::Cx;
use crate::step::{Entry, Step};
use crate::ticket::Carry;

/// Wires a `fold` and the pure stages behind it.
pub fn fold<T: Item, A: Item, O: Item, Task: Item, K: Carry, I, S, F>(
    port: Port<T, Task, K>,
    opts: Opts,
    bounds: Bounds,
    init: I,
    step: S,
    post: F,
) -> Port<O, Task, K>
where
    I: FnMut() -> Step<A, Never, Task> + Send + 'static,
    S: FnMut(&mut A, T) -> Step<(), Never, Task> + Send + 'static,
    F: Fn(Entry<A, Never>, &Cx) -> Step<O, Never, Task> + Portable,
{
    let by = |entry: Entry<T, Never>, _: &Cx| Step::Emit(((), entry.fresh()));
    let post = move |entry: Entry<((), A), Never>, cx: &Cx| {
        let ((), folded) = entry.fresh();
        post(Entry::Fresh(folded), cx)
    };
    gather(port, opts, bounds, Folds { init, step }, by, post)
}

/// The same with `by`.
pub fn fold_by<T: Item, Key, A: Item, O: Item, Task: Item, K: Carry, B, I, S, F>(
    port: Port<T, Task, K>,
    opts: Opts,
    bounds: Bounds,
    by: B,
    init: I,
    step: S,
    post: F,
) -> Port<O, Task, K>
where
    Key: Item + Hash + Eq,
    B: Fn(Entry<T, Never>, &Cx) -> Step<(Key, T), Never, Task> + Portable,
    I: FnMut() -> Step<A, Never, Task> + Send + 'static,
    S: FnMut(&mut A, T) -> Step<(), Never, Task> + Send + 'static,
    F: Fn(Entry<(Key, A), Never>, &Cx) -> Step<O, Never, Task> + Portable,
{
    gather(port, opts, bounds, Folds { init, step }, by, post)
}

struct Folds<I, S> {
    init: I,
    step: S,
}

impl<T, A: Item, Task, K, I, S> Gathers<T, Task, K> for Folds<I, S>
where
    I: FnMut() -> Step<A, Never, Task> + Send + 'static,
    S: FnMut(&mut A, T) -> Step<(), Never, Task> + Send + 'static,
{
    type Gathered = A;

    const HOLDS_ITEMS: bool = false;

    fn begin(&mut self) -> Step<A, Never, Task> {
        (self.init)()
    }

    fn add(&mut self, folded: &mut A, item: T) -> Step<(), Never, Task> {
        (self.step)(folded, item)
    }
}
