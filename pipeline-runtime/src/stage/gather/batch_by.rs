//! `batch … by`: items in a `Vec` for each key.

use std::hash::Hash;
use std::time::Duration;

use super::{Bounds, Gathers, gather};
use crate::bounds::{Item, Never, Portable};
use crate::graph::{Opts, Port};
use crate::measure::counts::Tally;
use crate::stage::deadline::Cx;
use crate::step::{Entry, Step};
use crate::ticket::{Carry, Now};

/// Wires a `batch` with `by`, and the pure stages behind it.
pub fn batch_by<T: Item, Key, O: Item, Task: Item, K: Carry, B, F>(
    port: Port<T, Task, K>,
    opts: Opts,
    size: usize,
    within: Option<Duration>,
    groups: usize,
    by: B,
    post: F,
) -> Port<O, Task, K>
where
    Key: Item + Hash + Eq,
    B: Fn(Entry<T, Never>, &Cx) -> Step<(Key, T), Never, Task> + Portable,
    F: Fn(Entry<(Key, Vec<T>), Never>, &Cx) -> Step<O, Never, Task> + Portable,
{
    let bounds = Bounds {
        most: Some(size),
        within,
        groups,
    };
    gather(port, opts, bounds, Batches, by, post)
}

struct Batches;

impl<T: Item, Task, K: Carry> Gathers<T, Task, K> for Batches {
    type Gathered = Vec<T>;

    const HOLDS_ITEMS: bool = true;

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

/// Leaves out what is somebody else's by now.
pub(super) fn without_lost<T, K: Carry>(
    batch: &mut Vec<T>,
    tickets: &mut Vec<K>,
    tally: &mut Tally,
) {
    let mut now = Now::default();
    if !tickets.iter().any(|ticket| ticket.is_lost(&mut now)) {
        return;
    }
    let (items, all) = (std::mem::take(batch), std::mem::take(tickets));
    for (item, ticket) in items.into_iter().zip(all) {
        if ticket.is_lost(&mut now) {
            tally.aside(0, true, ticket);
        } else {
            batch.push(item);
            tickets.push(ticket);
        }
    }
}
