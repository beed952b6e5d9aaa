//! Where a stage's results wait: put in order, bounded by credits, taken in chunks.
//!
//! An edge is all there is between two stages. The producers' side: take credits, submit. The consumers' side: take
//! items. Both sides sleep in its waiters and are woken after its lock is released.

mod consumers;
mod core;
mod demand;
mod outputs;
mod producers;
mod ready;
mod remains;
mod runs;
#[cfg(test)]
mod tests;
mod waiters;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Instant;

pub(crate) use self::consumers::Take;
pub(crate) use self::core::{Bound, Core};
use self::ready::Ready;
pub(crate) use self::runs::Runs;
pub(crate) use self::waiters::Waiters;
use crate::measure::counts::Counts;

/// Nobody wants more of what the stage makes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gone;

#[derive(Debug)]
pub(crate) struct Edge<T> {
    ordered: bool,
    /// What may be in use of the bound, to be read without the lock.
    limit: AtomicUsize,
    window: AtomicUsize,
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    core: Core,
    ready: Ready<T>,
    /// What is finished out of turn, and how many sequence numbers it covers, at the place of the first of them: place 0
    /// is the sequence number `core.head`.
    pending: VecDeque<Option<(usize, Parcel<T>)>>,
    /// When a consumer was last woken by a worker that may defer it.
    woken: Option<Instant>,
}

/// What one sequence number brought, or several.
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

    /// Nobody takes from it: there is no next stage.
    pub(crate) fn untaken(&self) {
        let core = &mut self.lock().core;
        core.untaken();
        self.show(core);
    }

    pub(crate) fn bound(&self) -> Bound {
        self.lock().core.bound
    }

    fn show(&self, core: &Core) {
        // Relaxed: hints for who has no lock, by which nothing else is read; the lock decides.
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

    /// So many workers are in front of it from now on: an automatic bound leaves them room, and whoever waits looks again.
    ///
    /// They are counted under the lock: of two who change the count at the same time, whoever comes here last sees the count
    /// that holds.
    pub(crate) fn recount(&self, workers: impl FnOnce() -> usize) {
        let mut state = self.lock();
        state.core.recount(workers());
        self.show(&state.core);
        let woken = state.core.wake_everyone();
        drop(state);
        woken.into_iter().for_each(Waker::wake);
    }

    /// Nothing more comes.
    pub(crate) fn end(&self) {
        let mut state = self.lock();
        state.core.ended = true;
        let woken = state.core.wake_everyone();
        drop(state);
        woken.into_iter().for_each(Waker::wake);
    }

    /// Nobody wants more: wakes everyone; what waits is dropped.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.core.gone = true;
        let woken = state.core.wake_everyone();
        let dropped = state.clear();
        drop(state);
        drop(dropped);
        woken.into_iter().for_each(Waker::wake);
    }
}

impl<T> State<T> {
    /// Whether what the number `seq` brought can be emitted now.
    fn is_due(&self, seq: u64, ordered: bool) -> bool {
        !ordered || seq == self.core.head
    }

    /// What `seqs` numbers from `seq` on brought is emitted, or waits for its turn.
    fn place(&mut self, seq: u64, seqs: usize, parcel: Parcel<T>, ordered: bool) {
        if self.is_due(seq, ordered) {
            self.admit(parcel);
            self.advance(seqs, ordered);
            return;
        }
        let place = usize::try_from(seq - self.core.head).expect("the window fits into memory");
        if place >= self.pending.len() {
            self.pending.resize_with(place + 1, || None);
        }
        self.pending[place] = Some((seqs, parcel));
    }

    /// The first `seqs` numbers are emitted: so is what follows them without a gap.
    fn advance(&mut self, mut seqs: usize, ordered: bool) {
        if !ordered {
            return;
        }
        loop {
            self.core.head += seqs as u64;
            self.pending.drain(..seqs.min(self.pending.len()));
            match self.pending.front_mut().and_then(Option::take) {
                Some((more, parcel)) => {
                    self.admit(parcel);
                    seqs = more;
                }
                None => return,
            }
        }
    }

    fn admit_each(&mut self, items: impl Iterator<Item = T>) {
        let mut count = 0;
        for item in items {
            self.ready.push(item);
            count += 1;
        }
        self.emitted(count);
    }

    fn emitted(&mut self, items: usize) {
        self.core.emit(items);
        self.core.counts.emitted += items as u64;
    }

    fn admit(&mut self, parcel: Parcel<T>) {
        self.emitted(parcel.len());
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

    /// Whoever asks others for items while it is locked was made after them, and has a greater one: of several, the
    /// greatest is to be held first. An edge asks nobody.
    fn rank(&self) -> usize {
        0
    }
}

/// One locked meter.
pub(crate) trait Held {
    /// One for each lane that it divides items into.
    fn lanes(&self) -> &[Counts];
}

impl<T: Send> Meter for Edge<T> {
    fn hold(&self) -> Box<dyn Held + '_> {
        Box::new(self.lock())
    }
}

impl<T> Held for MutexGuard<'_, State<T>> {
    fn lanes(&self) -> &[Counts] {
        std::slice::from_ref(&self.core.counts)
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}
