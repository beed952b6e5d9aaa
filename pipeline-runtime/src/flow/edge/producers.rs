//! The producers' side of an edge: credits, and handing in.

use std::sync::MutexGuard;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::{Edge, Gone, Parcel, Runs, State, wake};
use crate::measure::counts::Tally;

/// For how long a busy worker may let a sleeping consumer sleep.
const DEFER: Duration = Duration::from_micros(500);

impl<T> Edge<T> {
    /// Takes between 1 and `want` credits for items to be pulled.
    pub(crate) fn poll_credits(
        &self,
        place: usize,
        cx: &mut Context<'_>,
        want: usize,
    ) -> Poll<Result<usize, Gone>> {
        let mut state = self.lock();
        let core = &mut state.core;
        if core.gone {
            return Poll::Ready(Err(Gone));
        }
        match core.acquire(want) {
            0 => {
                core.wait_for_credits(place, want, cx.waker());
                Poll::Pending
            }
            granted => {
                core.givers.unpark(place);
                let next = core.wake_giver(self.ordered);
                drop(state);
                wake(next);
                Poll::Ready(Ok(granted))
            }
        }
    }

    /// Gives back credits for which there was no item.
    pub(crate) fn release(&self, credits: usize) {
        if credits == 0 {
            return;
        }
        let mut state = self.lock();
        state.core.release(credits);
        let next = state.core.wake_giver(self.ordered);
        drop(state);
        wake(next);
    }

    /// Hands in what the taking numbered `seq` brought, for `credits` that it held, and adds the tally. `out` comes
    /// back as an empty buffer. `cost` is the measured work of an item, where it was measured.
    ///
    /// With `defer` a consumer that sleeps may be left asleep for a while. Whether it was: then the caller must call
    /// [`Edge::wake_taker`] before it waits, ends, or does anything long.
    pub(crate) fn submit(
        &self,
        seq: u64,
        out: &mut Vec<T>,
        credits: usize,
        tally: &mut Tally,
        cost: Option<u64>,
        defer: bool,
    ) -> bool {
        let mut state = self.lock();
        tally.pour(&mut state.core.counts);
        if let Some(cost) = cost {
            state.core.costs(cost);
            self.show(&state.core);
        }
        let spare = state.ready.spare();
        let items = std::mem::replace(out, spare);
        state.core.release(credits - items.len());
        state.place(seq, 1, Parcel::Many(items), self.ordered);
        self.wake_deferring(state, defer)
    }

    /// The same for results of single items, a sequence number and a credit each, of which `kept` are still in use.
    pub(crate) fn submit_runs(
        &self,
        done: &mut Runs<T>,
        kept: usize,
        tally: &mut Tally,
        cost: Option<u64>,
        defer: bool,
    ) -> bool {
        let mut state = self.lock();
        tally.pour(&mut state.core.counts);
        if let Some(cost) = cost {
            state.core.costs(cost);
            self.show(&state.core);
        }
        state.place_each(done, kept, self.ordered);
        self.wake_deferring(state, defer)
    }

    /// Wakes who can go on, but perhaps not the consumer: whether it is left asleep.
    fn wake_deferring(&self, mut state: MutexGuard<'_, State<T>>, defer: bool) -> bool {
        if !defer || !state.core.takers.any() || state.ready.len() == 0 {
            self.wake_both(state);
            return false;
        }
        let now = Instant::now();
        let recent = state
            .woken
            .is_some_and(|woken| now.duration_since(woken) < DEFER);
        let deferred = recent && 2 * state.ready.len() < state.core.limit();
        if deferred {
            let giver = state.core.wake_giver(self.ordered);
            drop(state);
            wake(giver);
        } else {
            state.woken = Some(now);
            self.wake_both(state);
        }
        deferred
    }

    /// Adds what was counted where there is nothing to hand in.
    #[cold]
    pub(crate) fn count(&self, tally: &mut Tally) {
        tally.pour(&mut self.lock().core.counts);
    }

    /// Wakes the consumer that a deferred submit has left asleep.
    pub(crate) fn wake_taker(&self) {
        let mut state = self.lock();
        if state.ready.len() > 0 && state.core.takers.any() {
            state.woken = Some(Instant::now());
            let taker = state.core.takers.choose();
            drop(state);
            wake(taker);
        }
    }

    /// Hands in results of single items, a sequence number each, and adds the tally. `done` is empty afterwards.
    pub(crate) fn submit_each(&self, done: &mut Runs<T>, tally: &mut Tally) {
        let mut state = self.lock();
        tally.pour(&mut state.core.counts);
        state.place_each(done, 0, self.ordered);
        self.wake_both(state);
    }

    /// Wakes who can go on; drops what was handed in where nobody wants it any more.
    pub(super) fn wake_both(&self, mut state: MutexGuard<'_, State<T>>) {
        if state.core.gone {
            let dropped = state.clear();
            drop(state);
            drop(dropped);
            return;
        }
        let taker = if state.ready.len() > 0 {
            state.core.takers.choose()
        } else {
            None
        };
        let giver = state.core.wake_giver(self.ordered);
        drop(state);
        wake(taker);
        wake(giver);
    }

    /// A worker that waits for credits goes on without. If it had been chosen already, another one is woken.
    pub(crate) fn unpark_giver(&self, place: usize) {
        let mut state = self.lock();
        if !state.core.givers.unpark(place) {
            let giver = state.core.wake_giver(self.ordered);
            drop(state);
            wake(giver);
        }
    }
}

impl<T> State<T> {
    /// What came of single items is emitted, or waits for its turn. `done` is empty afterwards.
    #[inline]
    fn place_each(&mut self, done: &mut Runs<T>, kept: usize, ordered: bool) {
        let Runs { runs, items } = done;
        let seqs: usize = runs.iter().map(|run| run.seqs).sum();
        self.core.release(seqs - items.len() - kept);
        if let [run] = runs[..] {
            let spare = self.ready.spare();
            let items = std::mem::replace(items, spare);
            self.place(run.seq, run.seqs, Parcel::Many(items), ordered);
        } else {
            let mut items = items.drain(..);
            for run in &*runs {
                let items = items.by_ref().take(run.items);
                if self.is_due(run.seq, ordered) {
                    self.admit_each(items);
                    self.advance(run.seqs, ordered);
                } else {
                    let parcel = match run.items {
                        0 | 1 => items.last().into(),
                        _ => Parcel::Many(items.collect()),
                    };
                    self.place(run.seq, run.seqs, parcel, ordered);
                }
            }
        }
        runs.clear();
    }
}
