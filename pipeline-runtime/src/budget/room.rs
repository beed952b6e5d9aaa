//! The room that a budget has, and who waits for some of it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use super::usage::Usage;

/// A pipeline whose stages can be told to hand on what they keep.
pub(crate) trait Flushes: Send + Sync {
    fn flush(&self);
}

pub(super) struct Room {
    bytes: u64,
    state: Mutex<State>,
    pipelines: Mutex<Vec<Weak<dyn Flushes>>>,
}

#[derive(Default)]
struct State {
    /// Wide enough for any sum of weights.
    held: u128,
    /// Of that, what waits in open batches and the like. Turns are told one by one, and a later one may come before an earlier.
    parked: i128,
    peak: u128,
    /// Who waits, the first to come at the front.
    waiting: VecDeque<Waiting>,
    places: u64,
    waits: u64,
    waited: Duration,
}

struct Waiting {
    place: u64,
    bytes: u64,
    waker: Waker,
    since: Instant,
}

impl State {
    fn fits(&self, bytes: u64, of: u64) -> bool {
        self.held == 0 || self.held + u128::from(bytes) <= u128::from(of)
    }

    fn hold(&mut self, bytes: u64) {
        self.held += u128::from(bytes);
        self.peak = self.peak.max(self.held);
    }

    /// Who is to be woken: the first, if there is room for it. The others wait behind it.
    fn next(&self, of: u64) -> Option<Waker> {
        let first = self.waiting.front()?;
        self.fits(first.bytes, of).then(|| first.waker.clone())
    }

    /// Whether nothing goes on by itself: somebody waits, and all that is held waits for more to come.
    fn is_stuck(&self) -> bool {
        !self.waiting.is_empty()
            && u128::try_from(self.parked).is_ok_and(|parked| parked >= self.held)
    }

    /// Somebody waits at the end: its number.
    fn wait(&mut self, bytes: u64, waker: &Waker) -> u64 {
        let place = self.places;
        self.places += 1;
        self.waits += 1;
        self.waiting.push_back(Waiting {
            place,
            bytes,
            waker: waker.clone(),
            since: Instant::now(),
        });
        place
    }

    fn leave(&mut self, place: u64) {
        if let Some(at) = self.waiting.iter().position(|one| one.place == place)
            && let Some(left) = self.waiting.remove(at)
        {
            self.waited += left.since.elapsed();
        }
    }
}

impl Room {
    pub(super) fn new(bytes: u64) -> Self {
        Self {
            bytes,
            state: Mutex::default(),
            pipelines: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn usage(&self) -> Usage {
        let state = self.lock();
        let waiting = state.waiting.iter().map(|one| one.since.elapsed());
        Usage {
            bytes: self.bytes,
            held: narrow(state.held),
            peak: narrow(state.peak),
            waits: state.waits,
            waited: state.waited + waiting.sum(),
        }
    }

    pub(super) fn flushes(&self, pipeline: Weak<dyn Flushes>) {
        let mut pipelines = self.pipelines();
        pipelines.retain(|one| one.strong_count() > 0);
        pipelines.push(pipeline);
    }

    fn pipelines(&self) -> MutexGuard<'_, Vec<Weak<dyn Flushes>>> {
        self.pipelines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Whatever has changed: wakes who has room now, or those who keep all of it. All changes are made under one lock, so the
    /// last of those that make it stuck, in whatever order they come, finds it so.
    fn changed(&self, state: MutexGuard<'_, State>) {
        let woken = state.next(self.bytes);
        let is_stuck = woken.is_none() && state.is_stuck();
        drop(state);
        if let Some(waker) = woken {
            waker.wake();
        }
        if is_stuck {
            let pipelines: Vec<_> = self.pipelines().iter().filter_map(Weak::upgrade).collect();
            for pipeline in pipelines {
                pipeline.flush();
            }
        }
    }

    pub(super) fn release(&self, bytes: u64) {
        let mut state = self.lock();
        state.held -= u128::from(bytes);
        self.changed(state);
    }

    /// All of this waits for more to come.
    pub(super) fn park(&self, bytes: u64) {
        let mut state = self.lock();
        state.parked += i128::from(bytes);
        self.changed(state);
    }

    /// Not all of it does any more.
    pub(super) fn unpark(&self, bytes: u64) {
        self.lock().parked -= i128::from(bytes);
    }

    /// Takes room for so many bytes, if there is some and nobody waits in front. Else whoever has that number waits, or is given
    /// one and waits at the end.
    pub(super) fn take(&self, number: &mut Option<u64>, bytes: u64, cx: &Context<'_>) -> bool {
        let mut state = self.lock();
        let first = state.waiting.front().map(|one| one.place);
        let is_next = first.is_none() || first == *number;
        let fits = is_next && state.fits(bytes, self.bytes);
        if fits {
            if let Some(number) = number.take() {
                state.leave(number);
            }
            state.hold(bytes);
        } else {
            // Under the lock under which room is given back: whoever gives some back afterwards finds the waker.
            let mut waiting = state.waiting.iter_mut();
            if let Some(own) = waiting.find(|one| Some(one.place) == *number) {
                own.waker.clone_from(cx.waker());
                own.bytes = bytes;
            } else {
                *number = Some(state.wait(bytes, cx.waker()));
            }
        }
        self.changed(state);
        fits
    }

    /// Takes it without waiting.
    pub(super) fn hold(&self, bytes: u64) {
        self.lock().hold(bytes);
    }

    /// What held so much holds so much from now on, without waiting.
    pub(super) fn exchange(&self, before: u64, now: u64) {
        let mut state = self.lock();
        state.held -= u128::from(before);
        state.hold(now);
        self.changed(state);
    }

    /// Who had that number waits no more: the next one may have room.
    pub(super) fn leave(&self, number: u64) {
        let mut state = self.lock();
        state.leave(number);
        self.changed(state);
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How much of it is free now.
    pub(super) fn free(&self) -> u64 {
        self.bytes.saturating_sub(narrow(self.lock().held))
    }
}

fn narrow(bytes: u128) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
