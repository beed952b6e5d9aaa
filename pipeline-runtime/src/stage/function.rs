//! The function of a group, as its workers call it.

use std::vec;

use super::deadline::Cx;
use super::wiring::{ItemIn, ItemOut, StepOf, Wiring};
use crate::bounds::Portable;
use crate::flow::pushing::Pushing;
use crate::guard::{self, Panicked};
use crate::measure::counts::Tally;
use crate::step::{Entry, Step};
use crate::ticket::{Carried, Carry, Now, Scope as _};

/// The function of a group. All else is compiled for its types alone, and not once more for each function.
pub(super) trait Function<W: Wiring>: Send + Sync {
    /// Calls it for all `items`, up to the first of which something else comes than an output: that, and its ticket.
    fn call_each(
        &self,
        items: &mut vec::IntoIter<ItemIn<W>>,
        calls: Called<'_, W>,
    ) -> Option<(Stepped<W>, W::Ticket)>;

    fn call(&self, entry: Entry<W::In, W::Again>, cx: &Cx) -> Stepped<W>;
}

/// What a group's function returned, or the panic of something that was dropped in it outside of the user's calls.
pub(super) type Stepped<W> = Result<StepOf<W>, Panicked>;

/// What comes of calls.
pub(super) struct Called<'a, W: Wiring> {
    pub(super) out: &'a mut Vec<ItemOut<W>>,
    pub(super) tally: &'a mut Tally,
    /// The number of the group's first stage.
    pub(super) first: usize,
    pub(super) cx: &'a Cx,
}

impl<W: Wiring, F> Function<W> for F
where
    F: Fn(Entry<W::In, W::Again>, &Cx) -> StepOf<W> + Portable,
{
    /// The hot loop: no wait in it, and it works on locals, so that they stay in registers.
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
        let (mut rest, mut other) = (std::mem::take(items), None);
        let mut done = Pushing::with_room(out, rest.len());
        for Carried { item, ticket } in rest.by_ref() {
            // The clock is read for each: the calls of a chunk may take long, and a process may be stopped between two.
            if ticket.is_lost(&mut Now::default()) {
                other = Some((Ok(Step::Lost(first)), ticket));
                break;
            }
            let scope = ticket.scope();
            match scope.within(|| guard::call(|| self(Entry::Fresh(item), cx))) {
                Ok(Step::Emit(item)) => {
                    done.push(Carried { item, ticket });
                }
                Ok(Step::Filtered(stage)) => {
                    tally.stages[stage - first].filtered += 1;
                    ticket.filtered();
                }
                step => {
                    other = Some((step, ticket));
                    break;
                }
            }
        }
        *items = rest;
        other
    }

    fn call(&self, entry: Entry<W::In, W::Again>, cx: &Cx) -> Stepped<W> {
        guard::call(|| self(entry, cx))
    }
}
