//! How a worker of a group with keys gets its next work: items whose turn it is.

use std::task::{Context, Poll, ready};
use std::time::Instant;

use super::intake::{Intake, Next};
use super::keyed::Keyed;
use super::turns::{Asks, Turn};
use super::wiring::Wiring;
use crate::guard;
use crate::step::Step;
use crate::ticket::Carried;

impl<W: Wiring> Intake<W> {
    /// Waits for items whose turn it is, or for one that is to be tried again. What comes in and has to wait for its key is
    /// put there, until nothing more comes or the window is full.
    pub(super) fn poll_turns(
        &mut self,
        cx: &mut Context<'_>,
        want: usize,
        idle: bool,
        mut rests: Option<Instant>,
    ) -> Poll<Next<W>> {
        let asks = Asks {
            place: self.place,
            want,
        };
        loop {
            let Keyed {
                turns, returned, ..
            } = &mut self.keyed;
            // First, so that this worker is told of whatever becomes free while it looks elsewhere.
            if self.shared.turns.poll(asks, cx, returned, turns) {
                self.found();
                return Poll::Ready(Next::Turns);
            }
            match ready!(self.poll_fresh(cx, want, idle, rests.take())) {
                Next::Batch { seq, credits } => {
                    self.enter(asks, seq, credits);
                    let Keyed { turns, fallen, .. } = &self.keyed;
                    let failed = !self.batch.failures.is_empty() || !fallen.is_empty();
                    if failed || !turns.is_empty() {
                        return Poll::Ready(Next::Turns);
                    }
                }
                Next::End if self.shared.turns.is_over() => return Poll::Ready(Next::End),
                // Others have the keys that items wait for.
                Next::End => return self.pending_for_keys(cx, idle),
                next => {
                    self.shared.turns.unpark(self.place);
                    return Poll::Ready(next);
                }
            }
        }
    }

    /// Puts what was taken where it waits for its key. The keys are asked for here, under no lock: that is code of the user's.
    fn enter(&mut self, asks: Asks, first: u64, credits: usize) {
        let count = self.batch.items.len();
        let hold = self.batch.hold.take();
        let by = self.shared.by.as_ref().expect("there are keys");
        let Keyed {
            turns,
            fallen,
            fresh,
            ..
        } = &mut self.keyed;
        for (seq, Carried { item, ticket }) in (first..).zip(self.batch.items.drain(..)) {
            match (by.hash)(&item) {
                Ok(key) => fresh.turns.push(Turn {
                    seq,
                    key,
                    item: Carried { item, ticket },
                    hold: hold.clone(),
                }),
                Err(cause) => {
                    let step = guard::call(|| (by.fail)(item, cause));
                    let step = step.unwrap_or_else(|fell| Step::Failed(self.shared.fell(fell)));
                    fallen.push((seq, step, ticket));
                }
            }
        }
        (fresh.first, fresh.count) = (first, count);
        self.shared.turns.enter(asks, fresh, turns);
        self.shared.edge.release(credits - count);
    }
}
