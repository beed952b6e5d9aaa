//! Where a stage's results wait: put in order, bounded by credits, taken in chunks.
//!
//! An edge is all there is between two stages. The producers' side: take credits, submit. The consumers' side: take
//! items. Both sides sleep in its waiters and are woken after its lock is released.

mod core;
mod ready;
#[cfg(test)]
mod tests;
mod waiters;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

pub(crate) use self::core::{Bound, Core};
use self::ready::Ready;
pub(crate) use self::waiters::Waiters;
use crate::counts::{Counts, Tally};

/// For how long a busy worker may let a sleeping consumer sleep.
const DEFER: Duration = Duration::from_micros(500);

/// Nobody wants more of what the stage makes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gone;

#[derive(Debug)]
pub(crate) struct Edge<T> {
    ordered: bool,
    /// What may be in use of the bound, to be read without the lock.
    limit: AtomicUsize,
    window: AtomicUsize,
    /// How many workers may work: those whose place is below it.
    permits: AtomicUsize,
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    core: Core,
    ready: Ready<T>,
    /// What is finished out of turn: place 0 is the sequence number `core.head`.
    pending: VecDeque<Option<Parcel<T>>>,
    /// When a consumer was last woken by a worker that may defer it.
    woken: Option<Instant>,
}

/// What one sequence number brought.
#[derive(Debug)]
pub(crate) enum Parcel<T> {
    Nothing,
    One(T),
    Many(Vec<T>),
}

impl<T> Parcel<T> {
    fn len(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::One(_) => 1,
            Self::Many(items) => items.len(),
        }
    }
}

impl<T> From<Option<T>> for Parcel<T> {
    fn from(item: Option<T>) -> Self {
        item.map_or(Self::Nothing, Self::One)
    }
}

impl<T> Edge<T> {
    pub(crate) fn new(bound: Bound, ordered: bool, counts: Counts) -> Self {
        Self {
            ordered,
            limit: AtomicUsize::new(bound.limit),
            window: AtomicUsize::new(bound.window),
            permits: AtomicUsize::new(usize::MAX),
            state: Mutex::new(State {
                core: Core::new(bound, counts),
                ready: Ready::new(),
                pending: VecDeque::new(),
                woken: None,
            }),
        }
    }

    /// The lock is never held while foreign code runs, so a poisoned one guards a sound state.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn rebound(&self, change: impl FnOnce(Bound) -> Bound) {
        let core = &mut self.lock().core;
        core.rebound(change(core.bound));
        self.show(core);
    }

    pub(crate) fn bound(&self) -> Bound {
        self.lock().core.bound
    }

    fn show(&self, core: &Core) {
        self.limit.store(core.limit(), Ordering::Relaxed);
        self.window.store(core.window(), Ordering::Relaxed);
    }

    /// What may be in use of the bound now.
    pub(crate) fn limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }

    /// The part of it that the stage may have taken and not yet emitted.
    pub(crate) fn window(&self) -> usize {
        self.window.load(Ordering::Relaxed)
    }

    pub(crate) fn join(&self) {
        self.lock().core.join();
    }

    /// A worker has no more to submit; the last one ends the edge. Whether it was the last.
    pub(crate) fn leave(&self) -> bool {
        let mut state = self.lock();
        let ended = state.core.leave();
        state.core.finishing = true;
        let woken = if ended {
            state.core.wake_everyone()
        } else {
            state.core.idle.choose_all()
        };
        drop(state);
        woken.into_iter().for_each(Waker::wake);
        ended
    }

    /// Nobody wants more: wakes everyone; what waits is dropped.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.core.gone = true;
        let woken = state.core.wake_everyone();
        let dropped = (state.ready.clear(), std::mem::take(&mut state.pending));
        drop(state);
        drop(dropped);
        woken.into_iter().for_each(Waker::wake);
    }

    // The producers' side.

    pub(crate) fn permits(&self) -> usize {
        self.permits.load(Ordering::Relaxed)
    }

    /// From now on the workers below `permits` work, and the others wait.
    pub(crate) fn set_permits(&self, permits: usize) {
        let mut state = self.lock();
        self.permits.store(permits, Ordering::Relaxed);
        let woken = state.core.wake_everyone();
        drop(state);
        woken.into_iter().for_each(Waker::wake);
    }

    /// Waits until the worker at `place` may work.
    pub(crate) fn poll_permit(&self, place: usize, cx: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        if place < self.permits() {
            return Poll::Ready(Ok(()));
        }
        let mut state = self.lock();
        if state.core.finishing || state.core.gone {
            return Poll::Ready(Err(Gone));
        }
        if place < self.permits() {
            return Poll::Ready(Ok(()));
        }
        state.core.idle.park(place, cx.waker());
        Poll::Pending
    }

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
        state.place(seq, Parcel::Many(items), self.ordered);
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

    /// Hands in results of single items, a sequence number each.
    pub(crate) fn submit_each(
        &self,
        done: impl IntoIterator<Item = (u64, Option<T>)>,
        tally: &mut Tally,
    ) {
        let mut state = self.lock();
        tally.pour(&mut state.core.counts);
        for (seq, item) in done {
            if item.is_none() {
                state.core.release(1);
            }
            state.place(seq, item.into(), self.ordered);
        }
        self.wake_both(state);
    }

    fn wake_both(&self, mut state: MutexGuard<'_, State<T>>) {
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

    // The side of outputs that outgrow their credits (`flat_map`).

    /// Makes room for up to `want` more outputs of the item numbered `seq`, of which at least one is granted. The head
    /// of the line hands on the outputs it has, with the tally; the others wait to be the head if there is no room.
    pub(crate) fn poll_emit(
        &self,
        seq: u64,
        cx: &mut Context<'_>,
        outputs: &mut Vec<T>,
        want: usize,
        tally: &mut Tally,
    ) -> Poll<Result<usize, Gone>> {
        let mut state = self.lock();
        if state.core.gone {
            return Poll::Ready(Err(Gone));
        }
        state.core.stop_waiting(seq);
        let head = !self.ordered || state.core.head == seq;
        if head && !outputs.is_empty() {
            let spare = state.ready.spare();
            let items = std::mem::replace(outputs, spare);
            state.core.unreserve(items.len());
            tally.pour(&mut state.core.counts);
            state.core.counts.emitted += items.len() as u64;
            state.ready.push_chunk(items);
        }
        let granted = if head || !state.core.head_waits() {
            state.core.reserve(want, head, self.ordered)
        } else {
            0
        };
        if granted == 0 {
            state.core.wait_as_head(seq, cx.waker());
        }
        let taker = if state.ready.len() > 0 {
            state.core.takers.choose()
        } else {
            None
        };
        drop(state);
        wake(taker);
        if granted == 0 {
            Poll::Pending
        } else {
            Poll::Ready(Ok(granted))
        }
    }

    /// The item numbered `seq` has no more outputs: hands in the last ones, for which room was reserved, gives back
    /// `unused` room and the item's own credit.
    pub(crate) fn finish(&self, seq: u64, outputs: &mut Vec<T>, unused: usize, tally: &mut Tally) {
        let mut state = self.lock();
        tally.pour(&mut state.core.counts);
        let spare = state.ready.spare();
        let items = std::mem::replace(outputs, spare);
        state.core.stop_waiting(seq);
        state.core.unreserve(unused + items.len());
        state.core.used(unused + items.len());
        state.core.release(1);
        state.core.readmit(items.len());
        state.place(seq, Parcel::Many(items), self.ordered);
        self.wake_both(state);
    }

    /// Gives back room that was reserved for outputs which are not emitted.
    pub(crate) fn give_back(&self, outputs: usize) {
        self.lock().core.unreserve(outputs);
        self.used(outputs);
    }

    // The consumers' side.

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
            return Poll::Pending;
        }
        state.core.takers.unpark(place);
        let taken = state.ready.take(want, out);
        let stamp = state.core.stamps;
        state.core.stamps += if take.each { taken as u64 } else { 1 };
        state.core.counts.handed += taken as u64;
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

/// How a consumer takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Take {
    /// A sequence number an item, instead of one a taking.
    pub(crate) each: bool,
    /// The credits stay with the items until they are used up.
    pub(crate) keep: bool,
}

impl<T> State<T> {
    fn place(&mut self, seq: u64, parcel: Parcel<T>, ordered: bool) {
        if ordered && seq != self.core.head {
            let place = usize::try_from(seq - self.core.head).expect("the window fits into memory");
            if place >= self.pending.len() {
                self.pending.resize_with(place + 1, || None);
            }
            self.pending[place] = Some(parcel);
            return;
        }
        self.admit(parcel);
        if !ordered {
            return;
        }
        self.core.head += 1;
        if self.pending.pop_front().is_some() {
            while let Some(Some(_)) = self.pending.front() {
                let parcel = self.pending.pop_front().flatten().expect("looked at");
                self.admit(parcel);
                self.core.head += 1;
            }
        }
    }

    fn admit(&mut self, parcel: Parcel<T>) {
        let items = parcel.len();
        self.core.emit(items);
        self.core.counts.emitted += items as u64;
        match parcel {
            Parcel::Nothing => {}
            Parcel::One(item) => self.ready.push(item),
            Parcel::Many(items) => self.ready.push_chunk(items),
        }
    }
}

/// The counts of an edge while its lock is held, so that several edges can be read at one instant.
pub(crate) trait Meter: Send + Sync {
    fn hold(&self) -> Box<dyn Held + '_>;
}

/// One locked meter.
pub(crate) trait Held {
    fn counts(&self) -> &Counts;
}

impl<T: Send> Meter for Edge<T> {
    fn hold(&self) -> Box<dyn Held + '_> {
        Box::new(self.lock())
    }
}

impl<T> Held for MutexGuard<'_, State<T>> {
    fn counts(&self) -> &Counts {
        &self.core.counts
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}
