//! What waits to go in again, and what is under way.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use crate::guard;
use crate::ticket::{AwaitsEnd, Carried, Stake, Ticket};

/// What the two ends of a loop share.
pub(super) struct Loop<T> {
    pub(super) limit: usize,
    state: Mutex<State<T>>,
}

struct State<T> {
    waiting: VecDeque<(T, Ticket)>,
    /// How many items have gone in, of which something is left.
    under_way: usize,
    /// Whether more seeds may come.
    seeding: bool,
    /// Nothing goes in any more.
    ended: bool,
    /// How often something has changed.
    changes: u64,
    head: Option<Waker>,
}

/// What the head has.
pub(super) enum Next<T> {
    Items(Vec<Carried<T, Ticket>>),
    /// Nothing now. What is under way may put more in; how often something has changed yet.
    Waits {
        changes: u64,
    },
    /// Nothing but seeds can come.
    WaitsForSeeds,
    End,
}

impl<T: Send + 'static> Loop<T> {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit,
            state: Mutex::new(State {
                waiting: VecDeque::new(),
                under_way: 0,
                seeding: true,
                ended: false,
                changes: 0,
                head: None,
            }),
        })
    }

    /// Nothing of a user's runs or is dropped while it is held, and no ticket is let go.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// These wait to go in again, unless there is no room: the places of those that found none, with their tickets.
    ///
    /// What is put in is counted before the item that it was made of has ended: so at no moment does nothing wait and
    /// nobody work while there is something to come.
    pub(super) fn put(&self, items: impl Iterator<Item = (T, Stake)>) -> Vec<(usize, Ticket)> {
        let (mut full, mut left_over, mut given_back) = (Vec::new(), Vec::new(), Vec::new());
        let mut handed_over = Vec::new();
        let mut state = self.lock();
        for (place, (item, stake)) in items.enumerate() {
            let Stake { ticket, own, .. } = stake;
            if state.waiting.len() >= self.limit {
                full.push((place, own));
                left_over.push((item, ticket));
                continue;
            }
            handed_over.push(own);
            if state.ended {
                state.waiting.push_back((item, Ticket::null()));
                given_back.push(ticket);
            } else {
                state.waiting.push_back((item, ticket));
            }
        }
        state.changes += 1;
        let head = state.head.take();
        drop(state);
        if let Some(head) = head {
            head.wake();
        }
        drop(given_back);
        handed_over.into_iter().for_each(Ticket::handed_over);
        for (item, ticket) in left_over {
            guard::let_go_of([item]);
            // The failure has the part that decides.
            ticket.handed_over();
        }
        full
    }

    /// Up to `most` of those that wait.
    pub(super) fn next(self: &Arc<Self>, most: usize, head: &Waker) -> Next<T> {
        let mut state = self.lock();
        let count = most.min(state.waiting.len());
        if count == 0 {
            state.head = Some(head.clone());
            return match *state {
                State {
                    under_way: 0,
                    seeding: false,
                    ..
                } => Next::End,
                State { under_way: 0, .. } => Next::WaitsForSeeds,
                State { changes, .. } => Next::Waits { changes },
            };
        }
        let taken: Vec<_> = state.waiting.drain(..count).collect();
        state.under_way += count;
        drop(state);
        let items = taken.into_iter().map(|(item, ticket)| Carried {
            item,
            ticket: ticket.awaited(Arc::clone(self) as Arc<dyn AwaitsEnd>),
        });
        Next::Items(items.collect())
    }

    /// These seeds go in.
    pub(super) fn seed(self: &Arc<Self>, items: &mut [Carried<T, Ticket>]) {
        let mut state = self.lock();
        // From now on the head has to see that something is under way.
        let head = if state.under_way == 0 && !items.is_empty() {
            state.head.take()
        } else {
            None
        };
        state.under_way += items.len();
        state.changes += 1;
        drop(state);
        if let Some(head) = head {
            head.wake();
        }
        for Carried { ticket, .. } in items {
            let seed = std::mem::take(ticket);
            *ticket = seed.awaited(Arc::clone(self) as Arc<dyn AwaitsEnd>);
        }
    }

    /// There are no more seeds.
    pub(super) fn seeded(&self) {
        let mut state = self.lock();
        state.seeding = false;
        wake(state);
    }

    /// Nothing goes in any more: what waits is left, and messages that it comes from are given back.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        state.ended = true;
        let tickets: Vec<_> = state
            .waiting
            .iter_mut()
            .map(|(_, ticket)| std::mem::take(ticket))
            .collect();
        drop(state);
        drop(tickets);
    }

    /// What was left when it had ended.
    pub(super) fn left(&self) -> Vec<T> {
        let mut state = self.lock();
        if !state.ended {
            return Vec::new();
        }
        let left = std::mem::take(&mut state.waiting);
        drop(state);
        left.into_iter().map(|(item, _null)| item).collect()
    }

    pub(super) fn waiting(&self) -> usize {
        self.lock().waiting.len()
    }
}

fn wake<T>(mut state: MutexGuard<'_, State<T>>) {
    state.changes += 1;
    let head = if state.under_way == 0 {
        state.head.take()
    } else {
        None
    };
    drop(state);
    if let Some(head) = head {
        head.wake();
    }
}

impl<T: Send + 'static> AwaitsEnd for Loop<T> {
    fn ended(&self) {
        let mut state = self.lock();
        state.under_way -= 1;
        wake(state);
    }
}
