//! The source as the workers of the first stage see it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use super::{CarriedOf, Flow, Pulled, Puller, SourceError};
use crate::flow::edge::{Held, Meter, Take, Waiters};
use crate::flow::feed::{Batch, Feed, SourceFailure};
use crate::graph::PullTime;
use crate::guard::{self, Panicked};
use crate::measure::clock::Stopwatch;
use crate::measure::counts::{Counts, StageCounts};
use crate::measure::pace::Pace;
use crate::placed::Placed;
use crate::run::control::{Close, Drain};

/// The lock under which one worker at a time runs the source.
pub(crate) struct SourceFeed<P: Puller> {
    state: Mutex<State<P>>,
    side: Arc<Side>,
    source: Arc<Placed>,
    broken: Broken,
}

/// What becomes of a source's last word, if it cannot go on.
pub(crate) enum Broken {
    /// This is called.
    Stops(Box<dyn Fn(SourceError) + Send + Sync>),
    /// It is a failure, as of an item.
    Fails,
}

struct State<P: Puller> {
    /// `None` once it has ended.
    puller: Option<P>,
    /// What came for credits that another worker holds.
    rest: Pulled<CarriedOf<P>>,
    stamps: u64,
    pending_since: Option<Instant>,
    /// Where the source is always ready: how much to ask for, so that nobody waits long for a slow one.
    pace: Pace,
}

/// What can be reached while a worker runs the source.
pub(crate) struct Side {
    waiters: Mutex<Waiters>,
    workers: AtomicUsize,
    pauses: bool,
    is_link: bool,
    draining: AtomicBool,
    paused: AtomicBool,
    gone: AtomicBool,
    /// The source, where no worker is in it.
    lays_down: Weak<dyn LaysDown>,
    counts: Mutex<Counts>,
    pulling: Stopwatch,
    starved: Stopwatch,
    /// What of it the first stage's workers spent here, running the source or waiting for the one that does.
    inside: Stopwatch,
    /// Whether a worker runs the source now.
    asked: AtomicBool,
}

impl Side {
    fn waiters(&self) -> MutexGuard<'_, Waiters> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nobody wants more.
    fn gone(&self) -> bool {
        // Relaxed: who stores it locks `waiters` after that, to wake all, and who is about to wait has locked it before
        // it looks here. Whoever is not woken sees it.
        self.gone.load(Ordering::Relaxed)
    }

    /// Whether no more is to be taken in.
    fn draining(&self) -> bool {
        // Relaxed: see `gone`.
        self.draining.load(Ordering::Relaxed)
    }

    /// Whether nothing is to be taken in for now. A drain ends that: what an inner pipeline still has comes out.
    fn paused(&self) -> bool {
        // Relaxed: see `gone`.
        self.paused.load(Ordering::Relaxed) && !self.draining()
    }

    /// Where the time goes for which such a source is waited for.
    fn watch<P: Puller>(&self) -> &Stopwatch {
        if P::STARVES {
            &self.starved
        } else {
            &self.pulling
        }
    }

    fn wake_all(&self) {
        let woken = self.waiters().choose_all();
        woken.into_iter().for_each(Waker::wake);
    }
}

impl PullTime for Side {
    fn pulling(&self) -> Duration {
        self.pulling.total()
    }

    fn starved(&self) -> Duration {
        self.starved.total()
    }

    fn inside(&self) -> Duration {
        self.inside.total()
    }

    fn asked(&self) -> bool {
        // For messages alone.
        self.asked.load(Ordering::Relaxed)
    }
}

impl Drain for Side {
    fn drain(&self) {
        // Relaxed: see `gone`.
        self.draining.store(true, Ordering::Relaxed);
        self.wake_all();
    }

    fn is_link(&self) -> bool {
        self.is_link
    }

    fn pause(&self, paused: bool) {
        if !self.pauses {
            return;
        }
        // Relaxed: see `gone`.
        self.paused.store(paused, Ordering::Relaxed);
        self.wake_all();
        if paused && let Some(source) = self.lays_down.upgrade() {
            source.lay_down();
        }
    }
}

impl Close for Side {
    fn close(&self) {
        // Relaxed: see `Side::gone`.
        self.gone.store(true, Ordering::Relaxed);
        self.wake_all();
    }
}

/// What the source has taken and not handed out is dropped, without waiting for the workers to let go of it.
impl<P: Puller> Close for SourceFeed<P> {
    fn close(&self) {
        // A worker that is in it now sees that nobody wants more when it is through.
        if let Ok(mut state) = self.state.try_lock() {
            state.stop_waiting(&self.side, Instant::now());
            let dropped = (state.puller.take(), std::mem::take(&mut state.rest));
            drop(state);
            let (puller, rest) = dropped;
            guard::let_go_of(puller);
            drop(rest);
        }
    }
}

/// Gives back what it can, when it is to take nothing in for now.
trait LaysDown: Send + Sync {
    /// At once, if no worker is in it; else that one does it when it asks next.
    fn lay_down(&self);
}

impl<P: Puller> LaysDown for SourceFeed<P> {
    fn lay_down(&self) {
        if let Ok(mut state) = self.state.try_lock() {
            state.lay_down(&self.side);
        }
    }
}

impl<P: Puller> Drop for SourceFeed<P> {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        state.stop_waiting(&self.side, Instant::now());
    }
}

impl<P: Puller> State<P> {
    /// It is not waited for any more, from that time on; nor before, if that is when it began.
    fn stop_waiting(&mut self, side: &Side, at: Instant) {
        if self.pending_since.take().is_some() {
            side.watch::<P>().close(at);
        }
    }

    /// Nobody wants anything of it any more.
    fn let_go(&mut self, side: &Side) {
        self.stop_waiting(side, Instant::now());
        guard::let_go_of(self.puller.take());
    }

    fn lay_down(&mut self, side: &Side) {
        // What it waits for is not what the pipeline waits for.
        if let Some(since) = self.pending_since {
            self.stop_waiting(side, since);
        }
        if let Some(puller) = &mut self.puller {
            guard::quietly(|| puller.pause());
        }
    }
}

/// The source is ready: one worker is enough to ask it.
impl Wake for Side {
    fn wake(self: Arc<Self>) {
        let woken = self.waiters().choose();
        if let Some(waker) = woken {
            waker.wake();
        }
    }
}

impl Meter for Side {
    fn hold(&self) -> Box<dyn Held + '_> {
        Box::new(self.counts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Held for MutexGuard<'_, Counts> {
    fn lanes(&self) -> &[Counts] {
        std::slice::from_ref(self)
    }
}

impl<P: Puller> SourceFeed<P> {
    pub(crate) fn new(puller: P, source: Arc<Placed>, broken: Broken) -> Arc<Self> {
        Arc::new_cyclic(|feed: &Weak<Self>| Self {
            state: Mutex::new(State {
                puller: Some(puller),
                rest: Pulled::new(),
                stamps: 0,
                pending_since: None,
                pace: Pace::new(),
            }),
            side: Arc::new(Side {
                waiters: Mutex::default(),
                workers: AtomicUsize::new(1),
                pauses: P::PAUSES,
                is_link: P::IS_LINK,
                draining: AtomicBool::new(false),
                paused: AtomicBool::new(false),
                lays_down: Weak::clone(feed) as Weak<dyn LaysDown>,
                gone: AtomicBool::new(false),
                counts: Mutex::new(Counts::of(1)),
                pulling: Stopwatch::default(),
                starved: Stopwatch::default(),
                inside: Stopwatch::default(),
                asked: AtomicBool::new(false),
            }),
            source,
            broken,
        })
    }

    pub(crate) fn side(&self) -> Arc<Side> {
        Arc::clone(&self.side)
    }

    /// Clocks are read only where another worker has the source.
    fn lock(&self) -> MutexGuard<'_, State<P>> {
        if let Ok(state) = self.state.try_lock() {
            return state;
        }
        let waits = Instant::now();
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.side.inside.add(waits.elapsed());
        state
    }

    /// Asks the source once for up to `want`; the rest is what it brought. Ends it at its end, its error or its panic.
    fn poll_source(
        &self,
        state: &mut State<P>,
        place: usize,
        cx: &mut Context<'_>,
        want: usize,
    ) -> Poll<()> {
        if state.puller.is_none() {
            return Poll::Ready(());
        }
        // Relaxed: at worst the source knows one of several workers, which wakes the next, or all where there is one.
        let alone = P::READY || self.side.workers.load(Ordering::Relaxed) == 1;
        if !P::READY {
            self.side.waiters().park(place, cx.waker());
        }
        // After it is known where to wake it: whoever closes before that wakes nobody.
        if self.side.gone() {
            state.let_go(&self.side);
            return Poll::Ready(());
        }
        if P::DRAINS && self.side.draining() {
            state.stop_waiting(&self.side, Instant::now());
            if let Some(mut puller) = state.puller.take() {
                let rest = &mut state.rest;
                guard::quietly(|| puller.stop(rest));
                guard::let_go_of([puller]);
            }
            self.side.wake_all();
            return Poll::Ready(());
        }
        if self.side.paused() && self.stays_paused(place, cx) {
            state.lay_down(&self.side);
            return Poll::Pending;
        }
        let shared = (!alone).then(|| Waker::from(Arc::clone(&self.side)));
        let cx = &mut Context::from_waker(shared.as_ref().unwrap_or(cx.waker()));
        let ended = match self.ask(state, cx, want) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(Ok(flow))) => (flow == Flow::End).then_some(None),
            Ok(Poll::Ready(Err(error))) => Some(Some(error)),
            Err(panicked) => Some(Some(SourceError::new(panicked))),
        };
        if let Some(error) = ended {
            state.let_go(&self.side);
            match (error, &self.broken) {
                (Some(error), Broken::Stops(broken)) => broken(error),
                (Some(error), Broken::Fails) => state.rest.fail(error),
                (None, _) => {}
            }
            self.side.wake_all();
        }
        Poll::Ready(())
    }
}

impl<P: Puller> SourceFeed<P> {
    /// Whether it is still paused now that the worker is known, who is woken when it goes on.
    #[cold]
    fn stays_paused(&self, place: usize, cx: &mut Context<'_>) -> bool {
        if !P::READY {
            return true;
        }
        self.side.waiters().park(place, cx.waker());
        let paused = self.side.paused();
        if !paused {
            self.side.waiters().unpark(place);
        }
        paused
    }

    /// Runs the source. Where it is always ready it is asked for no more than it makes in a moment, so that nobody
    /// waits long for a slow one, and is measured as its pace demands: clocks cost as much as cheap items.
    fn ask(&self, state: &mut State<P>, cx: &mut Context<'_>, most: usize) -> Asked {
        let puller = state.puller.as_mut().expect("it has not ended");
        let began = state.pending_since.is_none();
        let (want, speaks_for) = if P::READY {
            (state.pace.want(most), state.pace.begin(most, None))
        } else {
            (most, 1)
        };
        let started =
            (speaks_for > 0).then(|| *state.pending_since.get_or_insert_with(Instant::now));
        // For messages alone.
        self.side.asked.store(true, Ordering::Relaxed);
        let asked = guard::call(|| puller.poll_pull(cx, want, &mut state.rest));
        self.side.asked.store(false, Ordering::Relaxed);
        state.pace.end(state.rest.len());
        let waits = asked.as_ref().is_ok_and(Poll::is_pending);
        let holds_back = waits && puller.holds_back();
        if let Some(started) = started {
            let span = started.elapsed() * speaks_for;
            if began {
                self.side.inside.add(span);
            }
            match (began, waits && !holds_back) {
                // It shows while it lasts: a source may have nothing for hours.
                (true, true) => self.side.watch::<P>().open(started),
                (false, true) => {}
                (true, false) if holds_back => state.pending_since = None,
                (true, false) => {
                    self.side.watch::<P>().add(span);
                    state.pending_since = None;
                }
                // To hold back is no work of the source's.
                (false, false) if holds_back => state.stop_waiting(&self.side, started),
                (false, false) => state.stop_waiting(&self.side, started + span),
            }
        }
        asked
    }
}

/// What came of asking a source: perhaps a panic.
type Asked = Result<Poll<Result<Flow, SourceError>>, Panicked>;

impl<P: Puller> Feed<CarriedOf<P>> for SourceFeed<P> {
    fn poll_take(
        &self,
        place: usize,
        cx: &mut Context<'_>,
        want: usize,
        batch: &mut Batch<CarriedOf<P>>,
        take: Take,
    ) -> Poll<Option<u64>> {
        let mut state = self.lock();
        let state = &mut *state;
        if self.side.gone() {
            state.let_go(&self.side);
            return Poll::Ready(None);
        }
        if state.rest.is_empty() && self.poll_source(state, place, cx, want).is_pending() {
            return Poll::Pending;
        }
        if !P::READY {
            let mut waiters = self.side.waiters();
            waiters.unpark(place);
            // The source was ready, so nobody is known to it any more: another worker has to ask.
            let next = waiters.choose();
            drop(waiters);
            if let Some(waker) = next {
                waker.wake();
            }
        }
        self.hand_over(state, want, batch);
        if batch.items.is_empty()
            && batch.failures.is_empty()
            && state.puller.is_none()
            && state.rest.is_empty()
        {
            return Poll::Ready(None);
        }
        let stamp = state.stamps;
        state.stamps += if take.each {
            batch.items.len() as u64
        } else {
            1
        };
        Poll::Ready(Some(stamp))
    }

    fn used(&self, _items: usize) {}

    fn unpark(&self, place: usize) {
        let mut waiters = self.side.waiters();
        // Another one goes on in any case: if this one had not been chosen, the source may have woken it by itself.
        waiters.unpark(place);
        let next = waiters.choose();
        drop(waiters);
        if let Some(waker) = next {
            waker.wake();
        }
    }

    fn workers(&self, count: usize) {
        // Relaxed: a hint, as where it is read.
        self.side.workers.store(count, Ordering::Relaxed);
    }

    fn share(&self) -> usize {
        usize::MAX
    }
}

impl<P: Puller> SourceFeed<P> {
    #[cold]
    fn fail(&self, errors: &mut Vec<SourceError>, batch: &mut Batch<CarriedOf<P>>) {
        let failures = errors.drain(..).map(|error| SourceFailure {
            source: self.source.get(0).clone(),
            error,
        });
        batch.failures.extend(failures);
    }

    fn hand_over(&self, state: &mut State<P>, want: usize, batch: &mut Batch<CarriedOf<P>>) {
        let rest = &mut state.rest;
        batch.hold = rest.hold.clone();
        if !rest.failures.is_empty() {
            self.fail(&mut rest.failures, batch);
        }
        if rest.items.len() <= want && batch.items.is_empty() {
            std::mem::swap(&mut batch.items, &mut rest.items);
        } else {
            batch
                .items
                .extend(rest.items.drain(..want.min(rest.items.len())));
        }
        if rest.items.is_empty() {
            rest.hold = None;
        }
        let mut counts = self
            .side
            .counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let skipped = std::mem::take(&mut rest.skipped);
        let failed = batch.failures.len() as u64;
        let items = batch.items.len() as u64;
        let StageCounts {
            filtered,
            failed: failures,
            ..
        } = &mut counts.stages[0];
        *filtered += skipped;
        *failures += failed;
        counts.handed += items;
        counts.emitted += items;
        counts.resolved += items + failed + skipped;
    }
}

#[cfg(test)]
mod tests;
