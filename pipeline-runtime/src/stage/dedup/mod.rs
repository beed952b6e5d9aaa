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

use self::seen::{Entered, Seen};
use super::deadline::Cx;
use super::function::{Called, Function, Stepped};
use super::sync::alone;
use super::wiring::{Final, ItemIn, Wiring};
use crate::bounds::{Item, Never, Portable};
use crate::graph::{Keeps, Opts, Port, StateBound};
use crate::guard;
use crate::step::{Entry, Step};
use crate::ticket::{Carried, Carry, Now, Original, Ticket};

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

/// What one item is to the stage.
pub struct Sight<'a> {
    seen: &'a Arc<Seen>,
    now: Instant,
    /// The message that it comes from, if it is one.
    original: Option<&'a Arc<dyn Original>>,
    entered: Cell<Option<Entered>>,
    is_known: Cell<bool>,
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
        let entered = self.seen.enter(hash, self.now, self.original);
        self.is_known.set(entered.is_none());
        self.entered.set(entered);
        self.is_known.get()
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
            let sight = Sight {
                seen: &self.seen,
                now,
                original: ticket.as_ticket().and_then(Ticket::original),
                entered: Cell::new(None),
                is_known: Cell::new(false),
                cx,
            };
            let step = guard::call(|| (self.f)(Entry::Fresh(item), &sight));
            let (entered, is_known) = (sight.entered.get(), sight.is_known.get());
            let ticket = match entered {
                Some(entered) if ticket.is_of_delivery() => {
                    let ticket = ticket.into_ticket().ridden(self.seen.rider(entered));
                    W::Ticket::of_ticket(ticket)
                }
                _ => ticket,
            };
            match step {
                Ok(Step::Emit(item)) => out.push(Carried { item, ticket }),
                Ok(Step::Filtered(stage)) => {
                    tally.stages[stage - first].filtered += 1;
                    if is_known {
                        // What it is a copy of is done, or comes again by itself: this one is not needed, whatever is
                        // done with what is filtered.
                        ticket.done();
                    } else {
                        ticket.filtered();
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
