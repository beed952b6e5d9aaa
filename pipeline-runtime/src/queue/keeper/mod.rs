//! Knows every delivery of one source until the queue knows what became of it.

mod beat;
mod begin;
mod run;
mod settling;
mod snapshot;
mod trouble;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use slab::Slab;
use tokio::sync::Notify;
use tokio::time::Instant;

pub(super) use begin::Suspicion;
pub(super) use run::keep;
pub use snapshot::DeliverySnapshot;
pub use trouble::LastError;

use self::begin::AtWork;
use super::{Leases, Receipt};
use crate::ticket::{Fate, Keeps, Lease, Now, Original, Riders, Settled, Term, Ticket};

/// How many deliveries may wait for the queue to hear what became of them before no more are received, as a multiple of
/// what the queue is told at once.
const BACKLOG: usize = 8;

/// A year: what is given back for longer is waited for no longer than that.
const LONGEST_DELAY: Duration = Duration::from_secs(365 * 24 * 3600);

/// The deliveries of one source. All that it counts is under one lock, which is never held while foreign code runs.
#[derive(Debug, Default)]
pub(crate) struct Keeper {
    state: Mutex<State>,
    terms: OnceLock<Terms>,
    /// Tells the keeper's task that there is something to do.
    work: Notify,
    /// Tells the source that more may be received.
    room: Notify,
    /// Tells the source that a message which may have killed its process is done with.
    turn: Notify,
}

/// What does not change while the source runs.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    pub(crate) lease: Duration,
    pub(crate) leases: Leases,
    /// How many deliveries the queue is told of at once.
    pub(crate) settles: usize,
    pub(crate) nack_filtered: bool,
    pub(crate) place: Option<Arc<str>>,
}

#[derive(Debug, Default)]
struct State {
    /// Deliveries that are not resolved.
    held: Slab<Held>,
    /// Resolved ones of which the queue is to be told.
    acks: Vec<Resolved>,
    nacks: Vec<Resolved>,
    /// Resolved ones whose lease is just being extended: the queue must hear of that first.
    extending: Vec<Resolved>,
    counts: DeliverySnapshot,
    at_work: AtWork,
    /// Why it cannot be received from.
    last_error: Option<LastError>,
    /// The source has not ended.
    open: bool,
    /// Time is virtual.
    is_paused: bool,
    /// The task waits for the first of these.
    waits_for_acks: bool,
    waits_for_nacks: bool,
    waits_for_first: bool,
    /// Why it is of no use to receive more.
    broken: Option<String>,
    /// When the last of what was given back, or lost, can be received again.
    comes_again: Option<Instant>,
}

/// A delivery that is queued or worked on.
struct Held {
    receipt: Receipt,
    original: Arc<dyn Original>,
    /// When its lease was taken, or extended.
    leased: Instant,
    extending: bool,
    lost: bool,
    /// Another pipeline has its item.
    handed_on: bool,
    /// It is left to its lease.
    left: bool,
    suspicion: Suspicion,
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Held").field(self.original.id()).finish()
    }
}

/// A delivery that is resolved.
struct Resolved {
    receipt: Receipt,
    original: Arc<dyn Original>,
    outcome: Outcome,
    riders: Riders,
    since: Instant,
    /// Counts as at work until the queue knows: who kills the process before that takes it along.
    suspicion: Suspicion,
}

impl std::fmt::Debug for Resolved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Resolved")
            .field(self.original.id())
            .field(&self.outcome)
            .finish()
    }
}

/// What the queue is told of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Acked,
    /// Acknowledged, for a dead letter is written.
    Dead,
    Nacked(Duration),
    /// Given back, and nobody had begun with it.
    Unbegun,
    /// Given back, for another delivery of the message has come further.
    Fenced(Duration),
    /// Its lease is over: there is nothing to tell.
    Lost,
    /// The queue knows that it is done.
    Settled,
}

/// Keeps a source open; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Open(Arc<Keeper>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.lock().open = false;
        self.0.work.notify_one();
    }
}

impl Keeper {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a worker may begin with the delivery, which counts from then on as worked on.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub(in crate::queue) async fn turn(&self, slot: usize, suspicion: Suspicion) {
        loop {
            let turn = self.turn.notified();
            {
                let mut state = self.lock();
                if state.at_work.lets_begin(suspicion) {
                    return state.begins(slot, suspicion);
                }
            }
            turn.await;
        }
    }

    /// A worker begins with the delivery.
    pub(in crate::queue) fn begins(&self, slot: usize, suspicion: Suspicion) {
        self.lock().begins(slot, suspicion);
    }

    /// Opens the source.
    pub(crate) fn open(self: &Arc<Self>, terms: Terms) -> Open {
        let _ = self.terms.set(terms);
        self.lock().open = true;
        Open(Arc::clone(self))
    }

    /// The source starts, where time is virtual or is not.
    pub(crate) fn starts(&self, is_paused: bool) {
        self.lock().is_paused = is_paused;
    }

    fn terms(&self) -> &Terms {
        self.terms.get().expect("set when the source is opened")
    }

    pub(crate) fn snapshot(&self) -> DeliverySnapshot {
        self.lock().counts
    }

    /// How long one is held, unless it is extended.
    pub(crate) fn lease(&self) -> Duration {
        self.terms().lease
    }

    /// Takes deliveries in, which are leased since then: a ticket for each.
    pub(crate) fn receive(
        self: &Arc<Self>,
        deliveries: Vec<(Receipt, Arc<dyn Original>)>,
        leased: Instant,
    ) -> Vec<Ticket> {
        let mut state = self.lock();
        let Terms { lease, leases, .. } = self.terms();
        let term = match leases {
            Leases::Timed | Leases::Fixed => Some(Term::of(*lease, leased, state.is_paused)),
            Leases::Connection => None,
        };
        let mut tickets = Vec::with_capacity(deliveries.len());
        state.counts.received += deliveries.len() as u64;
        state.counts.in_flight += deliveries.len() as u64;
        for (receipt, original) in deliveries {
            if let Some(term) = term {
                original.lease_end().extend(term);
            }
            let slot = state.held.insert(Held {
                receipt,
                original: Arc::clone(&original),
                leased,
                extending: false,
                lost: false,
                handed_on: false,
                left: false,
                suspicion: Suspicion::None,
            });
            tickets.push(Ticket::of(Lease {
                keeper: Arc::clone(self) as Arc<dyn Keeps>,
                slot,
                original,
            }));
        }
        let first = std::mem::take(&mut state.waits_for_first);
        drop(state);
        if first {
            self.work.notify_one();
        }
        tickets
    }

    /// Whether nothing is under way, but what is `kept` until the source ends, and nothing that was given back is still to
    /// come.
    pub(crate) fn is_idle(&self, kept: usize) -> bool {
        let state = self.lock();
        state.counts.in_flight == kept as u64
            && state.comes_again.is_none_or(|at| at <= Instant::now())
    }

    /// Waits until the queue knows what became of some more deliveries.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub(crate) async fn settles(&self) {
        self.room.notified().await;
    }

    /// Waits until more may be received: not while too much of what is resolved has not reached the queue.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub(crate) async fn room(&self) -> Result<(), String> {
        loop {
            let room = self.room.notified();
            {
                let state = self.lock();
                if let Some(why) = &state.broken {
                    return Err(why.clone());
                }
                let unsettled = state.counts.in_flight - state.held.len() as u64;
                if unsettled < (BACKLOG * self.terms().settles) as u64 {
                    return Ok(());
                }
            }
            room.await;
        }
    }
}

impl Keeps for Keeper {
    fn settle(&self, settled: &mut dyn Iterator<Item = Settled>) {
        let since = Instant::now();
        let (terms, mut told) = (self.terms(), Vec::new());
        let mut state = self.lock();
        let at_work = state.at_work;
        for settled in settled {
            let outcome = terms.outcome(settled.fate);
            told.extend(state.resolve(settled.slot, outcome, settled.riders, since));
        }
        let wake = (state.waits_for_acks && !state.acks.is_empty())
            || (state.waits_for_nacks && !state.nacks.is_empty())
            || (state.held.is_empty() && !state.open);
        if wake {
            state.waits_for_acks = false;
            state.waits_for_nacks = false;
        }
        let is_less = state.at_work != at_work;
        drop(state);
        if is_less {
            self.turn.notify_waiters();
        }
        if wake {
            self.work.notify_one();
        }
        if !told.is_empty() {
            self.room.notify_waiters();
        }
        told.into_iter().for_each(Riders::acked);
    }

    fn comes_again(&self, fate: Fate) -> bool {
        !fate.is_done() || (fate == Fate::Filtered && self.terms().nack_filtered)
    }

    fn handed_on(&self, slot: usize) {
        self.lock().held[slot].handed_on = true;
    }

    fn receipt(&self, slot: usize) -> Receipt {
        self.lock().held[slot].receipt.clone()
    }

    fn place(&self) -> Option<Arc<str>> {
        self.terms().place.clone()
    }
}

impl Terms {
    fn outcome(&self, fate: Fate) -> Outcome {
        match fate {
            Fate::Filtered if self.nack_filtered => Outcome::Nacked(self.lease),
            Fate::Filtered | Fate::Done => Outcome::Acked,
            Fate::Settled => Outcome::Settled,
            Fate::Dead => Outcome::Dead,
            Fate::Unbegun => Outcome::Unbegun,
            Fate::Again(delay) => Outcome::Nacked(delay),
            Fate::Undecided => Outcome::Nacked(self.lease),
            // Not at once, or two copies of one message would fence each other for ever.
            Fate::Lost => Outcome::Fenced(self.lease),
        }
    }
}

impl State {
    fn begins(&mut self, slot: usize, suspicion: Suspicion) {
        self.at_work.begins(suspicion);
        self.held[slot].suspicion = suspicion;
    }

    /// From here on its lease is not extended any more. Those who are to be told at once.
    fn resolve(
        &mut self,
        slot: usize,
        outcome: Outcome,
        riders: Riders,
        since: Instant,
    ) -> Option<Riders> {
        let Held {
            receipt,
            original,
            extending,
            lost,
            suspicion,
            ..
        } = self.held.remove(slot);
        let is_over = || lost || original.lease_end().has_passed(&mut Now::default());
        let outcome = match outcome {
            Outcome::Fenced(_) if is_over() => Outcome::Lost,
            outcome => outcome,
        };
        let resolved = Resolved {
            receipt,
            original,
            outcome,
            riders,
            since,
            suspicion,
        };
        match resolved.outcome {
            Outcome::Lost => {
                self.at_work.ends(suspicion);
                self.lose();
                tracing::warn!(id = %resolved.original.id(), "lease lost; what was left to do of the message is not done");
            }
            Outcome::Settled => {
                self.at_work.ends(suspicion);
                self.counts.in_flight -= 1;
                self.counts.acked += 1;
                return Some(resolved.riders);
            }
            _ if extending => self.extending.push(resolved),
            _ => self.wait(resolved),
        }
        None
    }

    /// One that was in flight is lost.
    fn lose(&mut self) {
        self.counts.lose();
        self.comes_again_in(Duration::ZERO);
    }

    /// One can be received again after so long.
    fn comes_again_in(&mut self, delay: Duration) {
        // So long a delay is as good as any longer one.
        let at = Instant::now() + delay.min(LONGEST_DELAY);
        // `None` is before all others.
        self.comes_again = self.comes_again.max(Some(at));
    }

    fn wait(&mut self, resolved: Resolved) {
        match resolved.outcome {
            Outcome::Acked | Outcome::Dead => self.acks.push(resolved),
            Outcome::Nacked(_) | Outcome::Fenced(_) | Outcome::Unbegun => {
                self.nacks.push(resolved);
            }
            Outcome::Lost | Outcome::Settled => {}
        }
    }
}
