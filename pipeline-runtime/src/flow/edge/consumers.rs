//! The consumers' side of an edge: taking, and using up.

use std::task::{Context, Poll};

use super::{Edge, wake};

/// How a consumer takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Take {
    /// A sequence number an item, instead of one a taking.
    pub(crate) each: bool,
    /// The credits stay with the items until they are used up.
    pub(crate) keep: bool,
}

impl<T> Edge<T> {
    /// Takes up to `want` items into `out` and stamps them: the number of the first. `None` at the end. The credits of
    /// what was taken come back at once, or with [`Edge::used`] if `keep`.
    pub(crate) fn poll_take(
        &self,
        place: usize,
        cx: &mut Context<'_>,
        want: usize,
        out: &mut Vec<T>,
        take: Take,
    ) -> Poll<Option<u64>> {
        let mut state = self.lock();
        if state.ready.len() == 0 {
            if state.core.ended || state.core.gone {
                return Poll::Ready(None);
            }
            state.core.takers.park(place, cx.waker());
            if state.core.starves() {
                self.show(&state.core);
                let giver = state.core.wake_giver(self.ordered);
                drop(state);
                wake(giver);
            }
            return Poll::Pending;
        }
        state.core.takers.unpark(place);
        let taken = state.ready.take(want, out);
        let stamp = state.core.stamps;
        state.core.stamps += if take.each { taken as u64 } else { 1 };
        state.core.counts.handed += taken as u64;
        if state.core.takes(taken, take.keep) {
            self.show(&state.core);
        }
        let giver = if take.keep {
            None
        } else {
            state.core.used(taken);
            state.core.wake_giver(self.ordered)
        };
        // Whoever is woken wakes the next: one wake-up a hand-over, and none is idle while there is work.
        let taker = if state.ready.len() > 0 {
            state.core.takers.choose()
        } else {
            None
        };
        drop(state);
        wake(giver);
        wake(taker);
        Poll::Ready(Some(stamp))
    }

    /// The consumer has used up items that it kept.
    pub(crate) fn used(&self, items: usize) {
        if items == 0 {
            return;
        }
        let mut state = self.lock();
        state.core.used(items);
        let giver = state.core.wake_giver(self.ordered);
        drop(state);
        wake(giver);
    }

    /// A consumer that waits here goes on with something else. If it had been chosen already, another one is woken.
    pub(crate) fn unpark_taker(&self, place: usize) {
        let mut state = self.lock();
        if !state.core.takers.unpark(place) && state.ready.len() > 0 {
            let taker = state.core.takers.choose();
            drop(state);
            wake(taker);
        }
    }
}
