//! `batch` with `bytes`: items in a `Vec`, of so many bytes at most, or one item.

use std::hash::Hash;
use std::time::Duration;

use super::batch_by::without_lost;
use super::{Bounds, Gathers, gather};
use crate::bounds::{Item, Never, Portable};
use crate::graph::{Opts, Port};
use crate::measure::counts::Tally;
use crate::stage::deadline::Cx;
use crate::step::{Entry, Step};
use crate::ticket::{Carry, Ticket};

/// When a batch goes on.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// It has so many items.
    pub most: usize,
    /// One more would make it more bytes.
    pub bytes: u64,
    /// Its first item has waited for so long.
    pub within: Option<Duration>,
}

/// Wires a `batch` with `bytes` of items that have been weighed, and the pure stages behind it.
pub fn batch_bytes<T: Item, O: Item, Task: Item, K: Carry, F>(
    port: Port<T, Task, K>,
    opts: Opts,
    sizes: Sizes,
    post: F,
) -> Port<O, Task, K>
where
    F: Fn(Entry<Vec<T>, Never>, &Cx) -> Step<O, Never, Task> + Portable,
{
    let post = move |entry: Entry<((), Vec<T>), Never>, cx: &Cx| {
        let ((), batch) = entry.fresh();
        post(Entry::Fresh(batch), cx)
    };
    wire(port, opts, sizes, 1, Weighed, of_all, post)
}

/// The same with `by`.
pub fn batch_bytes_by<T: Item, Key, O: Item, Task: Item, K: Carry, B, F>(
    port: Port<T, Task, K>,
    opts: Opts,
    sizes: Sizes,
    groups: usize,
    by: B,
    post: F,
) -> Port<O, Task, K>
where
    Key: Item + Hash + Eq,
    B: Fn(Entry<T, Never>, &Cx) -> Step<(Key, T), Never, Task> + Portable,
    F: Fn(Entry<(Key, Vec<T>), Never>, &Cx) -> Step<O, Never, Task> + Portable,
{
    wire(port, opts, sizes, groups, Weighed, by, post)
}

/// Wires a `batch` with `bytes` and `weight`, and the pure stages behind it.
pub fn batch_weighed<T: Item, O: Item, Task: Item, K: Carry, W, F>(
    port: Port<T, Task, K>,
    opts: Opts,
    sizes: Sizes,
    weigh: W,
    post: F,
) -> Port<O, Task, K>
where
    W: Fn(Entry<T, Never>, &Cx) -> Step<(u64, T), Never, Task> + Portable,
    F: Fn(Entry<Vec<T>, Never>, &Cx) -> Step<O, Never, Task> + Portable,
{
    let post = move |entry: Entry<((), Vec<T>), Never>, cx: &Cx| {
        let ((), batch) = entry.fresh();
        post(Entry::Fresh(batch), cx)
    };
    wire(port, opts, sizes, 1, Told(weigh), of_all, post)
}

/// The same with `by`.
pub fn batch_weighed_by<T: Item, Key, O: Item, Task: Item, K: Carry, W, B, F>(
    port: Port<T, Task, K>,
    opts: Opts,
    sizes: Sizes,
    weigh: W,
    groups: usize,
    by: B,
    post: F,
) -> Port<O, Task, K>
where
    Key: Item + Hash + Eq,
    W: Fn(Entry<T, Never>, &Cx) -> Step<(u64, T), Never, Task> + Portable,
    B: Fn(Entry<T, Never>, &Cx) -> Step<(Key, T), Never, Task> + Portable,
    F: Fn(Entry<(Key, Vec<T>), Never>, &Cx) -> Step<O, Never, Task> + Portable,
{
    wire(port, opts, sizes, groups, Told(weigh), by, post)
}

/// All items are of one batch.
fn of_all<T, Task>(entry: Entry<T, Never>, _: &Cx) -> Step<((), T), Never, Task> {
    Step::Emit(((), entry.fresh()))
}

fn wire<T: Item, Key, O: Item, Task: Item, K: Carry, W, B, F>(
    port: Port<T, Task, K>,
    opts: Opts,
    sizes: Sizes,
    groups: usize,
    weighs: W,
    by: B,
    post: F,
) -> Port<O, Task, K>
where
    Key: Item + Hash + Eq,
    W: Weighs<T, Task, K>,
    B: Fn(Entry<T, Never>, &Cx) -> Step<(Key, T), Never, Task> + Portable,
    F: Fn(Entry<(Key, Vec<T>), Never>, &Cx) -> Step<O, Never, Task> + Portable,
{
    let Sizes {
        most,
        bytes,
        within,
    } = sizes;
    let bounds = Bounds {
        most: Some(most),
        within,
        groups,
    };
    let next = gather(port, opts, bounds, ByBytes { weighs, bytes }, by, post);
    let mut build = next.graph.lock();
    if let Some(group) = build.groups.last() {
        let main = group.main().clone();
        if bytes == 0 {
            build.invalid(
                &main,
                "bytes",
                "batches of 0 bytes",
                "a batch has at least 1",
            );
        }
        if W::IS_WEIGHED && !K::CARRIES {
            let rule = "weigh the input by `source::weighed`, or write `with { weight: |item| … }`";
            build.invalid(&main, "bytes", "items that weigh nothing", rule);
        }
    }
    drop(build);
    next
}

/// What tells the bytes of an item.
trait Weighs<T, Task, K>: Send + 'static {
    /// Whether the item has been weighed before.
    const IS_WEIGHED: bool;

    fn weigh(&mut self, item: T, ticket: &K) -> Step<(u64, T), Never, Task>;
}

/// What it holds of a budget.
struct Weighed;

impl<T, Task, K: Carry> Weighs<T, Task, K> for Weighed {
    const IS_WEIGHED: bool = true;

    fn weigh(&mut self, item: T, ticket: &K) -> Step<(u64, T), Never, Task> {
        let weight = ticket.as_ticket().map_or(0, Ticket::weight);
        Step::Emit((weight, item))
    }
}

/// A function of it.
struct Told<F>(F);

impl<T, Task, K, F> Weighs<T, Task, K> for Told<F>
where
    F: Fn(Entry<T, Never>, &Cx) -> Step<(u64, T), Never, Task> + Portable,
{
    const IS_WEIGHED: bool = false;

    fn weigh(&mut self, item: T, _: &K) -> Step<(u64, T), Never, Task> {
        (self.0)(Entry::Fresh(item), &Cx::untimed())
    }
}

struct ByBytes<W> {
    weighs: W,
    bytes: u64,
}

impl<T: Item, Task, K: Carry, W: Weighs<T, Task, K>> Gathers<T, Task, K> for ByBytes<W> {
    type Gathered = Vec<T>;

    const HOLDS_ITEMS: bool = true;
    const WEIGHS: bool = true;

    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn weigh(&mut self, item: T, ticket: &K) -> Step<(u64, T), Never, Task> {
        self.weighs.weigh(item, ticket)
    }

    fn begin(&mut self) -> Step<Vec<T>, Never, Task> {
        Step::Emit(Vec::new())
    }

    fn add(&mut self, batch: &mut Vec<T>, item: T) -> Step<(), Never, Task> {
        batch.push(item);
        Step::Emit(())
    }

    fn shed(batch: &mut Vec<T>, tickets: &mut Vec<K>, tally: &mut Tally) {
        without_lost(batch, tickets, tally);
    }
}
