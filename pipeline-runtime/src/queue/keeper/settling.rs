//! The queue is told what became of deliveries: in groups, each of which is tried again on its own.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::{Keeper, Outcome, Resolved, State, Suspicion};
use crate::bounds::BoxFuture;
use crate::guard;
use crate::queue::{Nack, Queue, QueueError, Receipt, Unsettled};
use crate::retry::Retry;

/// For how long a call keeps later ones back.
const PATIENCE: Duration = Duration::from_secs(1);

/// Deliveries of which the queue is told together.
pub(super) struct Group {
    pub(super) lane: Lane,
    entries: Vec<Resolved>,
    how: How,
    attempt: u32,
}

/// What the queue is told of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum How {
    Ack,
    GiveBack,
    Nack(Duration),
}

/// The two kinds of calls; neither waits for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    Acks,
    Nacks,
}

/// How a call went on.
pub(super) enum Called {
    /// It was the first of its group, and later ones need not wait for it any more: either it has returned, and this is
    /// left, or it takes long, and this is the rest of it.
    Fresh(Lane, Rest),
    /// It has returned, and this is left.
    Returned(Option<Group>),
    /// Leases were extended.
    Beaten,
    /// Leases may have been told to be over.
    Heard,
    /// There is no more time.
    TimeUp,
}

pub(super) enum Rest {
    Left(Option<Group>),
    Slow(BoxFuture<'static, Option<Group>>),
}

impl State {
    /// What waits to be told, in groups.
    pub(super) fn groups(&mut self, lane: Lane) -> Vec<Group> {
        let group = |how, entries| Group {
            lane,
            entries,
            how,
            attempt: 1,
        };
        match lane {
            Lane::Acks if self.acks.is_empty() => Vec::new(),
            Lane::Acks => {
                // About as many come together until the next call.
                let next = Vec::with_capacity(self.acks.len());
                vec![group(How::Ack, std::mem::replace(&mut self.acks, next))]
            }
            Lane::Nacks => {
                let mut groups = BTreeMap::<_, Vec<_>>::new();
                for entry in self.nacks.drain(..) {
                    let how = match entry.outcome {
                        Outcome::Nacked(delay) | Outcome::Fenced(delay) => How::Nack(delay),
                        _ => How::GiveBack,
                    };
                    groups.entry(how).or_default().push(entry);
                }
                let groups = groups.into_iter();
                groups.map(|(how, entries)| group(how, entries)).collect()
            }
        }
    }
}

impl Keeper {
    /// Tells the queue of a group for the first time.
    pub(super) fn tell<Q: Queue>(
        self: &Arc<Self>,
        queue: &Arc<Q>,
        group: Group,
    ) -> BoxFuture<'static, Called> {
        let lane = group.lane;
        let mut call: BoxFuture<'static, _> =
            Box::pin(Arc::clone(self).call(Arc::clone(queue), group));
        Box::pin(async move {
            let rest = match timeout(PATIENCE, &mut call).await {
                Ok(left) => Rest::Left(left),
                Err(_) => Rest::Slow(call),
            };
            Called::Fresh(lane, rest)
        })
    }

    /// Tells it again, after a wait.
    pub(super) fn tell_again<Q: Queue>(
        self: &Arc<Self>,
        queue: &Arc<Q>,
        group: Group,
    ) -> BoxFuture<'static, Called> {
        let (keeper, queue) = (Arc::clone(self), Arc::clone(queue));
        Box::pin(async move {
            let wait = Retry::exponential(u32::MAX).delay(group.attempt - 1);
            tokio::time::sleep(wait.unwrap_or_default()).await;
            keeper.lock().counts.retries += 1;
            Called::Returned(keeper.call(queue, group).await)
        })
    }

    /// One call; what of the group is left to be told again.
    async fn call<Q: Queue>(self: Arc<Self>, queue: Arc<Q>, mut group: Group) -> Option<Group> {
        let receipts: Vec<Receipt> = group
            .entries
            .iter()
            .map(|entry| entry.receipt.clone())
            .collect();
        let (how, nacks) = (group.how, failed(&group.entries));
        let call = told(async {
            match how {
                How::Ack => queue.ack(receipts).await,
                How::GiveBack => queue.give_back(receipts).await,
                How::Nack(delay) => match nacks {
                    Some(nacks) => queue.nack_failed(nacks, delay).await,
                    None => queue.nack(receipts, delay).await,
                },
            }
        });
        let mut call = pin!(call);
        let told = if let Ok(told) = timeout(self.left_of_leases(&group), &mut call).await {
            told
        } else {
            self.end_suspicions(&mut group);
            call.await
        };
        if let Err(error) = &told {
            tracing::warn!(queue = %queue.name(), %error, deliveries = group.entries.len(), attempt = group.attempt,
                "the queue cannot be told what became of deliveries");
        }
        self.told(group, told)
    }

    /// For how long they may be taken for ours, though nobody extends their leases any more.
    fn left_of_leases(&self, group: &Group) -> Duration {
        let youngest = group.entries.iter().map(|entry| entry.since.elapsed());
        let lease = self.terms().lease;
        lease.saturating_sub(youngest.min().unwrap_or_default())
    }

    /// The queue does not answer, and by now they are as good as lost: those that wait for their turn go on, or a call
    /// that hangs would keep them for ever.
    fn end_suspicions(&self, group: &mut Group) {
        let mut state = self.lock();
        for entry in &mut group.entries {
            let suspicion = std::mem::replace(&mut entry.suspicion, Suspicion::None);
            state.at_work.ends(suspicion);
        }
        drop(state);
        self.turn.notify_waiters();
    }

    fn told(&self, group: Group, told: Result<Vec<Unsettled>, QueueError>) -> Option<Group> {
        if matches!(&told, Ok(unsettled) if unsettled.is_empty()) {
            self.settled(group.entries);
            return None;
        }
        let mut fates = vec![Told::Settled; group.entries.len()];
        let mut broken = None;
        match told {
            Ok(unsettled) => {
                for unsettled in unsettled {
                    if let Some(fate) = fates.get_mut(unsettled.index()) {
                        *fate = if unsettled.is_gone() && group.lane == Lane::Acks {
                            Told::Settled
                        } else if unsettled.is_away() {
                            Told::Again
                        } else {
                            Told::Lost
                        };
                    }
                }
            }
            Err(error) if error.is_away() => fates.fill(Told::Again),
            Err(error) => {
                broken = Some(error.to_string());
                fates.fill(Told::Lost);
            }
        }
        let (mut left, mut over, mut lost) = (Vec::new(), Vec::new(), Vec::new());
        let lease = self.terms().lease;
        let mut state = self.lock();
        state.broken = state.broken.take().or(broken);
        for (entry, fate) in group.entries.into_iter().zip(fates) {
            match fate {
                Told::Settled => over.push(entry),
                Told::Again if entry.since.elapsed() < lease => left.push(entry),
                Told::Again | Told::Lost => {
                    state.at_work.ends(entry.suspicion);
                    state.lose();
                    state.comes_again_in(lease);
                    lost.push(entry);
                }
            }
        }
        drop(state);
        self.settled(over);
        for entry in lost {
            tracing::warn!(id = %entry.original.id(), outcome = ?entry.outcome, "lease lost");
        }
        (!left.is_empty()).then_some(Group {
            entries: left,
            attempt: group.attempt + 1,
            ..group
        })
    }

    /// The queue knows what became of these.
    fn settled(&self, entries: Vec<Resolved>) {
        let mut state = self.lock();
        for entry in &entries {
            state.at_work.ends(entry.suspicion);
            if let Outcome::Nacked(delay) | Outcome::Fenced(delay) = entry.outcome {
                state.comes_again_in(delay);
            }
            let counts = &mut state.counts;
            match entry.outcome {
                Outcome::Fenced(_) | Outcome::Lost | Outcome::Settled => {
                    counts.lose();
                    continue;
                }
                Outcome::Acked => counts.acked += 1,
                Outcome::Dead => counts.dead += 1,
                Outcome::Nacked(_) | Outcome::Unbegun => counts.nacked += 1,
            }
            counts.in_flight -= 1;
        }
        drop(state);
        self.room.notify_waiters();
        self.turn.notify_waiters();
        for entry in entries {
            match entry.outcome {
                Outcome::Acked => entry.riders.acked(),
                Outcome::Dead => entry.riders.dead(),
                Outcome::Nacked(_)
                | Outcome::Unbegun
                | Outcome::Fenced(_)
                | Outcome::Lost
                | Outcome::Settled => {}
            }
        }
    }
}

/// What the queue is told of deliveries if some of them have failed.
fn failed(entries: &[Resolved]) -> Option<Vec<Nack>> {
    let is_failed = |entry: &Resolved| entry.original.error().is_some();
    let nack = |entry: &Resolved| Nack {
        receipt: entry.receipt.clone(),
        error: entry.original.error().cloned(),
    };
    let any = entries.iter().any(is_failed);
    any.then(|| entries.iter().map(nack).collect())
}

/// What came of telling the queue of one delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Settled,
    Again,
    Lost,
}

/// What a back end answers, which is asked in `call`; one that panics is one that fails.
pub(super) async fn told(
    call: impl Future<Output = Result<Vec<Unsettled>, QueueError>>,
) -> Result<Vec<Unsettled>, QueueError> {
    let called = guard::run_and_drop(call).await;
    called.unwrap_or_else(|panicked| Err(QueueError::away(panicked)))
}
