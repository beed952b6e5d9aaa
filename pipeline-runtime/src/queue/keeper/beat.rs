//! Leases of deliveries that are queued or worked on are extended.

use std::collections::HashSet;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::settling::told;
use super::{Keeper, State};
use crate::guard;
use crate::queue::{Leases, Queue, Receipt};
use crate::ticket::Term;

/// The part of a lease after which it is extended.
const PART: u32 = 3;

impl Keeper {
    /// When the next lease is due to be extended, if any is held.
    pub(super) fn next_beat(&self) -> Option<Instant> {
        if self.terms().leases != Leases::Timed {
            return None;
        }
        let every = self.every();
        let mut state = self.lock();
        let first = state
            .held
            .iter()
            .filter(|(_, held)| !held.lost && !held.left)
            .map(|(_, held)| held.leased)
            .min();
        state.waits_for_first = first.is_none();
        drop(state);
        first.map(|leased| leased + every)
    }

    /// A third of the lease.
    fn every(&self) -> Duration {
        (self.terms().lease / PART).max(Duration::from_millis(1))
    }

    /// Extends what is due, and what will be soon. It is not acknowledged meanwhile, so that nothing is extended after
    /// it has been.
    pub(super) async fn beat<Q: Queue>(self: Arc<Self>, queue: Arc<Q>) {
        let (every, started) = (self.every(), Instant::now());
        let (slots, receipts) = self.lock().due(started, every / 4 * 3);
        if slots.is_empty() {
            return;
        }
        let lease = self.terms().lease;
        let extended = told(async { queue.extend(receipts, lease).await });
        let extended = timeout(every, extended).await;
        let unsettled = match extended {
            Ok(Ok(unsettled)) => Ok(unsettled),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer within {every:?}")),
        };
        let mut beats = vec![Beat::Extended; slots.len()];
        match unsettled {
            Err(error) => {
                tracing::warn!(queue = %queue.name(), error, leases = slots.len(), "leases not extended");
                beats.fill(Beat::Again);
            }
            Ok(unsettled) => {
                for entry in unsettled {
                    let again = entry.is_away();
                    tracing::warn!(queue = %queue.name(), error = %entry, again, "a lease not extended");
                    if let Some(beat) = beats.get_mut(entry.index()) {
                        *beat = if again { Beat::Again } else { Beat::Lost };
                    }
                }
            }
        }
        self.extended(started, slots.into_iter().zip(beats));
    }

    /// Waits until the queue knows of leases that are over. Of one that panics nothing more is heard that way.
    pub(super) async fn hear_of_lost<Q: Queue>(self: Arc<Self>, queue: Arc<Q>) {
        let lost = guard::run_and_drop(async { queue.lost().await }).await;
        let lost = match lost {
            Ok(lost) => lost,
            Err(panicked) => {
                tracing::warn!(queue = %queue.name(), error = %panicked, "it does not tell what is lost");
                return pending().await;
            }
        };
        self.lose(&lost.iter().collect());
        // One that returns at once, whatever there is, keeps nobody else from running.
        tokio::task::yield_now().await;
    }

    fn lose(&self, lost: &HashSet<&Receipt>) {
        let mut state = self.lock();
        for (_, held) in &mut state.held {
            if lost.contains(&held.receipt) {
                held.lost = true;
                held.original.lease_end().lose();
            }
        }
    }

    fn extended(&self, started: Instant, beats: impl Iterator<Item = (usize, Beat)>) {
        let soon = self.every() / PART;
        let mut state = self.lock();
        let term = Term::of(self.terms().lease, started, state.is_paused);
        for (slot, beat) in beats {
            // Another delivery may have its place by now; that one is not being extended.
            if let Some(held) = state.held.get_mut(slot)
                && std::mem::take(&mut held.extending)
            {
                match beat {
                    Beat::Extended => {
                        held.leased = started;
                        held.original.lease_end().extend(term);
                    }
                    Beat::Again => held.leased += soon,
                    Beat::Lost => {
                        held.lost = true;
                        held.original.lease_end().lose();
                    }
                }
            }
        }
        for resolved in std::mem::take(&mut state.extending) {
            state.wait(resolved);
        }
    }
}

/// What came of extending one lease.
#[derive(Debug, Clone, Copy)]
enum Beat {
    Extended,
    /// It is tried again soon.
    Again,
    Lost,
}

impl State {
    fn due(&mut self, now: Instant, age: Duration) -> (Vec<usize>, Vec<Receipt>) {
        let due = self
            .held
            .iter_mut()
            .filter(|(_, held)| !held.lost && !held.left && now.duration_since(held.leased) >= age);
        due.map(|(slot, held)| {
            held.extending = true;
            (slot, held.receipt.clone())
        })
        .unzip()
    }
}
