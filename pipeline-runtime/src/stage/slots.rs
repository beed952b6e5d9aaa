//! Futures in flight, in places that are used again: no allocation an item.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures::task::AtomicWaker;

use crate::flow::feed::Hold;
use crate::guard::{self, Panicked};

const WORD: usize = u64::BITS as usize;

pub(crate) struct Slots<F, S> {
    slots: Vec<Slot<F, S>>,
    free: Free,
    signals: Arc<Signals>,
}

struct Slot<F, S> {
    future: Pin<Box<Option<F>>>,
    /// For what it was started.
    started: Option<S>,
    /// Kept while the future runs.
    hold: Option<Hold>,
    waker: Waker,
}

/// Which slots were woken.
struct Signals {
    words: Vec<AtomicU64>,
    any: AtomicBool,
    driver: Arc<AtomicWaker>,
}

impl Signals {
    fn new(slots: usize, driver: Arc<AtomicWaker>) -> Arc<Self> {
        let words = (0..slots.div_ceil(WORD))
            .map(|_| AtomicU64::new(0))
            .collect();
        Arc::new(Self {
            words,
            any: AtomicBool::new(false),
            driver,
        })
    }
}

struct SlotWaker {
    signals: Arc<Signals>,
    slot: usize,
}

impl Wake for SlotWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let signals = &self.signals;
        // Release: the driver, which takes the bit with Acquire, sees what the future was woken for.
        signals.words[self.slot / WORD].fetch_or(1 << (self.slot % WORD), Ordering::Release);
        // AcqRel: the bit comes before it, and the driver looks for bits after it has taken this back. Who finds it set
        // leaves its bit to a look that is still to come.
        if !signals.any.swap(true, Ordering::AcqRel) {
            signals.driver.wake();
        }
    }
}

/// The slots that are free, the lowest first: futures that start one after the other then lie, and are polled, in that
/// order, and what they come to is handed in as one run.
#[derive(Debug, Default)]
struct Free {
    words: Vec<u64>,
    /// No word below it has a free slot.
    lowest: usize,
    count: usize,
}

impl Free {
    fn add(&mut self, slot: usize) {
        let word = slot / WORD;
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= 1 << (slot % WORD);
        self.lowest = self.lowest.min(word);
        self.count += 1;
    }

    /// # Panics
    ///
    /// If none is free.
    #[inline]
    fn first(&mut self) -> usize {
        while self.words[self.lowest] == 0 {
            self.lowest += 1;
        }
        self.lowest * WORD + self.words[self.lowest].trailing_zeros() as usize
    }

    fn take(&mut self) -> usize {
        let slot = self.first();
        self.words[slot / WORD] &= !(1 << (slot % WORD));
        self.count -= 1;
        slot
    }
}

/// What a future was started for, and what came of it.
type Ended<F, S> = (S, Result<<F as Future>::Output, Panicked>);

impl<F: Future, S> Slots<F, S> {
    pub(crate) fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: Free::default(),
            signals: Signals::new(0, Arc::default()),
        }
    }

    /// Where who drives them waits.
    pub(crate) fn driver(&self) -> &Arc<AtomicWaker> {
        &self.signals.driver
    }

    /// How many run.
    pub(crate) fn running(&self) -> usize {
        self.slots.len() - self.free.count
    }

    /// How many more may run if `allowed` may run in all.
    pub(crate) fn room(&self, allowed: usize) -> usize {
        allowed.saturating_sub(self.running())
    }

    /// Makes places for `futures` that are about to start, if they are not there: about as many as run at the same time
    /// are made, and not all that are `allowed`.
    #[inline]
    pub(crate) fn make_room(&mut self, futures: usize, allowed: usize) {
        if self.free.count < futures {
            let needed = self.running() + futures;
            let ahead = (2 * self.slots.len()).max(WORD).min(allowed);
            self.grow(needed.max(ahead));
        }
    }

    /// Adds places up to `count`. All wakers are made anew, and what runs is polled again, so none is lost.
    #[cold]
    fn grow(&mut self, count: usize) {
        self.signals = Signals::new(count, Arc::clone(&self.signals.driver));
        (self.slots.len()..count).for_each(|slot| self.free.add(slot));
        self.slots.resize_with(count, || Slot {
            future: Box::pin(None),
            started: None,
            hold: None,
            waker: Waker::noop().clone(),
        });
        for (slot, place) in self.slots.iter_mut().enumerate() {
            place.waker = Waker::from(Arc::new(SlotWaker {
                signals: Arc::clone(&self.signals),
                slot,
            }));
            place.waker.wake_by_ref();
        }
    }

    pub(crate) fn idle(&self) -> bool {
        self.free.count == self.slots.len()
    }

    /// Starts a future in the first free slot and polls it once. If it is not ready at once, [`Slots::keep`] must follow.
    #[inline]
    pub(crate) fn start(&mut self, future: F) -> Result<Poll<F::Output>, Panicked> {
        let slot = self.free.first();
        let Slot {
            future: place,
            waker,
            ..
        } = &mut self.slots[slot];
        place.set(Some(future));
        let running = place
            .as_mut()
            .as_pin_mut()
            .expect("it has just been put there");
        let polled = poll(running, waker);
        if !matches!(polled, Ok(Poll::Pending)) {
            place.set(None);
        }
        polled
    }

    /// The future that was just started stays in its slot.
    pub(crate) fn keep(&mut self, started: S, hold: Option<Hold>) {
        let slot = self.free.take();
        let place = &mut self.slots[slot];
        place.started = Some(started);
        place.hold = hold;
    }

    fn poll_slot(&mut self, slot: usize) -> Option<Ended<F, S>> {
        let Slot {
            future,
            started,
            hold,
            waker,
        } = &mut self.slots[slot];
        let running = future.as_mut().as_pin_mut()?;
        let output = match poll(running, waker) {
            Ok(Poll::Pending) => return None,
            Ok(Poll::Ready(output)) => Ok(output),
            Err(panicked) => Err(panicked),
        };
        future.set(None);
        *hold = None;
        self.free.add(slot);
        started.take().map(|started| (started, output))
    }

    /// From here on the driver is woken, once, for whatever it did not find.
    #[inline]
    pub(crate) fn register(&self, cx: &Context<'_>) {
        self.signals.driver.register(cx.waker());
    }

    /// Polls what was woken; each output, and what it was started for, goes to `done`. Whether anything was polled.
    ///
    /// The driver has [registered](Self::register) before, or it is not woken for what it does not find.
    pub(crate) fn poll_woken(
        &mut self,
        mut done: impl FnMut(S, Result<F::Output, Panicked>),
    ) -> bool {
        // AcqRel: see `SlotWaker`.
        if !self.signals.any.swap(false, Ordering::AcqRel) {
            return false;
        }
        for word in 0..self.signals.words.len() {
            // Acquire: see `SlotWaker`.
            let mut bits = self.signals.words[word].swap(0, Ordering::Acquire);
            while bits != 0 {
                let slot = word * WORD + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                if let Some((started, output)) = self.poll_slot(slot) {
                    done(started, output);
                }
            }
        }
        true
    }
}

/// Polls a future, which is an `async` block or closure: what it has it drops in its last poll. The calls in it are guarded
/// one by one: what panics is an item, or a part of one, that is dropped between two.
#[inline]
fn poll<F: Future>(future: Pin<&mut F>, waker: &Waker) -> Result<Poll<F::Output>, Panicked> {
    guard::call(|| future.poll(&mut Context::from_waker(waker)))
}

/// Futures in flight are dropped one by one.
impl<F, S> Drop for Slots<F, S> {
    fn drop(&mut self) {
        guard::let_go_of(std::mem::take(&mut self.slots));
    }
}

#[cfg(test)]
mod tests;
