//! Who of a group's workers may work, and who is left.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures::task::AtomicWaker;

use crate::flow::edge::Waiters;
use crate::run::control::Close;

/// The workers of a group.
pub(crate) struct Crew {
    /// How many may work: those whose place is below it.
    permits: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Those that may still hand something in.
    live: usize,
    /// There were some, and none is left.
    ended: bool,
    /// Nobody wants more of what they make.
    gone: bool,
    /// One has found the input ended: those without a permit need not wait for one.
    finishing: bool,
    /// Those without a permit.
    idle: Waiters,
    /// Those that work on several items at a time, and may on more.
    drivers: Vec<Arc<AtomicWaker>>,
}

/// Whether a worker may work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permit {
    Granted,
    /// Nobody wants more of what the group makes.
    Gone,
    /// There is no more to do for it, and it is no longer counted as one who may hand something in.
    Resigned,
}

impl Crew {
    /// From the start the workers below `permits` work.
    pub(crate) fn of(permits: usize) -> Arc<Self> {
        Arc::new(Self {
            permits: AtomicUsize::new(permits),
            state: Mutex::default(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[inline]
    pub(crate) fn permits(&self) -> usize {
        // Relaxed: see `permit`.
        self.permits.load(Ordering::Relaxed)
    }

    /// From now on the workers below `permits` work, and the others wait. Whether the group has not ended.
    pub(crate) fn permit(&self, permits: usize) -> bool {
        let state = self.lock();
        if state.ended || state.gone {
            return false;
        }
        // Relaxed: who has to be exact about it reads it again under the lock.
        self.permits.store(permits, Ordering::Relaxed);
        let drivers = state.drivers.clone();
        wake_idle(state);
        for driver in drivers {
            driver.wake();
        }
        true
    }

    /// From now on who waits there is woken when the permits change, be it idle or not.
    pub(crate) fn tells(&self, driver: Arc<AtomicWaker>) {
        self.lock().drivers.push(driver);
    }

    /// Whether the worker at `place` may work, as far as is known without the lock.
    #[inline]
    pub(crate) fn permitted(&self, place: usize) -> bool {
        place < self.permits()
    }

    /// Waits until the worker at `place` may work.
    ///
    /// Where the input has ended, so many workers stay as may work, whatever their places: what waits to be tried again
    /// is left to them. The others resign, which is counted here, so that not all do.
    #[cold]
    pub(crate) fn poll_permit(&self, place: usize, cx: &mut Context<'_>) -> Poll<Permit> {
        let mut state = self.lock();
        if state.gone {
            return Poll::Ready(Permit::Gone);
        }
        let permits = self.permits();
        if place < permits || (state.finishing && state.live <= permits) {
            state.idle.unpark(place);
            return Poll::Ready(Permit::Granted);
        }
        if !state.finishing {
            state.idle.park(place, cx.waker());
            return Poll::Pending;
        }
        state.live -= 1;
        wake_idle(state);
        Poll::Ready(Permit::Resigned)
    }

    /// A worker begins.
    pub(crate) fn join(&self) {
        self.lock().live += 1;
    }

    /// A worker has no more to hand in: whether it was the last, and the group has ended with it.
    pub(crate) fn leave(&self) -> bool {
        let mut state = self.lock();
        state.live -= 1;
        state.finishing = true;
        state.ended |= state.live == 0;
        let ended = state.ended;
        wake_idle(state);
        ended
    }

    /// A worker that was counted in never began: whether the group has ended with it.
    #[cold]
    pub(crate) fn withdraw(&self) -> bool {
        let mut state = self.lock();
        if state.live > 1 {
            state.live -= 1;
            return false;
        }
        drop(state);
        self.leave()
    }
}

fn wake_idle(mut state: MutexGuard<'_, State>) {
    let woken = state.idle.choose_all();
    drop(state);
    woken.into_iter().for_each(Waker::wake);
}

impl Close for Crew {
    fn close(&self) {
        let mut state = self.lock();
        state.gone = true;
        wake_idle(state);
    }
}

/// Who makes the workers of a group more or fewer while the pipeline runs.
pub(crate) trait Resize: Send + Sync {
    /// Lets `count` items be processed at the same time.
    fn set(self: Arc<Self>, count: usize) -> Result<(), Ended>;
}

/// A group has ended: nobody is there to work more or less.
#[derive(Debug)]
pub(crate) struct Ended;
