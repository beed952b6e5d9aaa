//! The function of a group, as its workers call it.

use std::vec;

use super::watch::Cx;
use crate::bounds::Portable;
use crate::counts::Tally;
use crate::guard::{self, Panicked};
use crate::pushing::Pushing;
use crate::step::{Entry, Step};
use crate::ticket::{Carried, Carry, Now};

/// The function of a group. All else is compiled for its types alone, and not once more for each function.
pub(super) trait Function<T, M, O, Task, K>: Send + Sync {
    /// Calls it for all `items`, up to the first of which something else comes than an output: that, and its ticket.
    fn call_each(
        &self,
        items: &mut vec::IntoIter<Carried<T, K>>,
        calls: Called<'_, O, K>,
    ) -> Option<(Stepped<O, M, Task>, K)>;

    fn call(&self, entry: Entry<T, M>, cx: &Cx) -> Stepped<O, M, Task>;
}

/// What a group's function returned, or the panic of something that was dropped in it outside of the user's calls.
pub(super) type Stepped<O, M, Task> = Result<Step<O, M, Task>, Panicked>;

/// What comes of calls.
pub(super) struct Called<'a, O, K> {
    pub(super) out: &'a mut Vec<Carried<O, K>>,
    pub(super) tally: &'a mut Tally,
    /// The number of the group's first stage.
    pub(super) first: usize,
    pub(super) cx: &'a Cx,
}

impl<T, M, O, Task, K: Carry, F> Function<T, M, O, Task, K> for F
where
    F: Fn(Entry<T, M>, &Cx) -> Step<O, M, Task> + Portable,
{
    /// The hot loop: no wait in it, and it works on locals, so that they stay in registers.
    fn call_each(
        &self,
        items: &mut vec::IntoIter<Carried<T, K>>,
        calls: Called<'_, O, K>,
    ) -> Option<(Stepped<O, M, Task>, K)> {
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
            match guard::call(|| self(Entry::Fresh(item), cx)) {
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

    fn call(&self, entry: Entry<T, M>, cx: &Cx) -> Stepped<O, M, Task> {
        guard::call(|| self(entry, cx))
    }
}
