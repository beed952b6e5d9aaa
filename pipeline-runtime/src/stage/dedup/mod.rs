//! `dedup`: what was seen before is dropped.

mod seen;

use std::cell::Cell;
use std::fmt;
use std::hash::Hash;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;
use std::vec;

use tokio::time::Instant;

use self::seen::{Seen, Sighted};
use super::deadline::Cx;
use super::function::{Called, Function, Stepped};
use super::sync::alone;
use super::wiring::{Final, ItemIn, Wiring};
use crate::bounds::{Item, Never, Portable};
use crate::graph::{Keeps, Opts, Port, StateBound};
use crate::guard;
use crate::step::{Entry, Step};
use crate::ticket::{Carried, Carry, Now, Original, Scope as _, Ticket};

/// Wires a `dedup` and the pure stages behind it.
pub fn dedup<T: Item, O: Item, Task: Item, K: Carry, F>(
    port: Port<T, Task, K>,
    opts: Opts,
    most: usize,
    within: Option<Duration>,
    f: F,
) -> Port<O, Task, K>
where
    F: Fn(Entry<T, Never>, &Sight<'_>) -> Step<O, Never, Task> + Portable,
{
    let keeps = Keeps {
        bound: StateBound::Entries(most),
        items: 0,
    };
    let seen = Arc::new(Seen::new(
        NonZeroUsize::new(most).unwrap_or(NonZeroUsize::MIN),
        within,
    ));
    let next = alone::<Final<T, O, Task, K>>(port, opts, Arc::new(Dedup { f, seen }), keeps);
    let mut build = next.graph.lock();
    let group = build.groups.last().expect("it has just been wired");
    let main = group.main().clone();
    if most == 0 {
        build.invalid(&main, "most", "0 entries", "at least 1 is kept");
    }
    if within == Some(Duration::ZERO) {
        let rule = "what was seen is remembered for more than no time";
        build.invalid(&main, "within", "a time of 0", rule);
    }
    drop(build);
    next
}

/// The function of the group, and what it has seen.
struct Dedup<F> {
    f: F,
    seen: Arc<Seen>,
}

impl<F> Dedup<F> {
    /// A copy is not needed, whatever is done with what is filtered: what it is a copy of is done, or comes again by itself.
    fn drop_copy<K: Carry>(sighted: Option<Sighted>, ticket: K) {
        if let (Some(Sighted::CopyOfUnderWay), Some(ticket)) = (sighted, ticket.as_ticket()) {
            // Nobody in front may take it for done: what comes again would be dropped there as a copy of it.
            ticket.undone();
        }
        ticket.done();
    }
}

/// What one item is to the stage.
pub struct Sight<'a> {
    seen: &'a Arc<Seen>,
    now: Instant,
    /// The message that it comes from, if it is one.
    original: Option<&'a Arc<dyn Original>>,
    comes_again: bool,
    sighted: Cell<Option<Sighted>>,
    /// Of the worker.
    cx: &'a Cx,
}

impl fmt::Debug for Sight<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sight")
    }
}

impl Sight<'_> {
    /// An item has passed that arm of a `match`, as it is numbered in the group.
    pub fn passed(&self, arm: usize) {
        self.cx.passed(arm);
    }

    /// Whether an item of this key was seen before; if not, this one is the first.
    pub fn knows(&self, key: impl Hash) -> bool {
        let hash = self.seen.hash(&key);
        let sighted = self
            .seen
            .enter(hash, self.now, self.original, self.comes_again);
        self.sighted.set(Some(sighted));
        !matches!(sighted, Sighted::First(_))
    }
}

impl<W, F> Function<W> for Dedup<F>
where
    W: Wiring<Again = Never>,
    F: Fn(Entry<W::In, Never>, &Sight<'_>) -> Step<W::Out, Never, W::Task> + Portable,
{
    fn call_each(
        &self,
        items: &mut vec::IntoIter<ItemIn<W>>,
        calls: Called<'_, W>,
    ) -> Option<(Stepped<W>, W::Ticket)> {
        let Called {
            out,
            tally,
            first,
            cx,
        } = calls;
        let (now, mut other) = (Instant::now(), None);
        for Carried { item, ticket } in items.by_ref() {
            if ticket.is_lost(&mut Now::default()) {
                other = Some((Ok(Step::Lost(first)), ticket));
                break;
            }
            let comes_again = ticket.is_of_delivery();
            let sight = Sight {
                seen: &self.seen,
                now,
                original: ticket.as_ticket().and_then(Ticket::original),
                comes_again,
                sighted: Cell::new(None),
                cx,
            };
            let scope = ticket.scope();
            let step = scope.within(|| guard::call(|| (self.f)(Entry::Fresh(item), &sight)));
            let sighted = sight.sighted.get();
            let ticket = match sighted {
                Some(Sighted::First(entered)) if comes_again => {
                    ticket.replaced(|ticket| ticket.ridden(self.seen.rider(entered)))
                }
                _ => ticket,
            };
            match step {
                Ok(Step::Emit(item)) => out.push(Carried { item, ticket }),
                Ok(Step::Filtered(stage)) => {
                    tally.stages[stage - first].filtered += 1;
                    if matches!(sighted, Some(Sighted::First(_))) {
                        ticket.filtered();
                    } else {
                        Self::drop_copy(sighted, ticket);
                    }
                }
                step => {
                    other = Some((step, ticket));
                    break;
                }
            }
        }
        tally.stages[0].evicted += self.seen.forgotten();
        other
    }

    fn call(&self, _entry: Entry<W::In, Never>, _cx: &Cx) -> Stepped<W> {
        unreachable!("no call of this group is retried or timed")
    }
}
