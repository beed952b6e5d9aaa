//! A queue inside the process.

mod admin;
mod store;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::name::Name;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use self::store::Store;
use super::{Ask, Body, Nack, Outgoing, Profile, Queue, QueueError, Receipt, Received, Unsettled};

/// The most messages, unless it is said otherwise.
const CAPACITY: usize = 65_536;

/// The time of a lease, unless it is said otherwise.
const LEASE: Duration = Duration::from_secs(30);

/// A receive may bring nothing sooner than it was asked to.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

/// The most messages that are received, or settled, at once.
const BATCH: usize = 1024;

/// A queue inside the process: for tests, and to decouple parts of one program. [`memory`] makes it; clones are the
/// same queue.
///
/// It has ids (a second message of the same id is accepted and not stored while the first is there, unless it has an
/// [`Outgoing::dedup`] of its own; the others get ids that no other queue has), groups, delays, priorities, leases and messages
/// that expire; it can be asked for some kinds of messages only, for which all that are ready may be looked at. It keeps
/// the time of `tokio::time`, so that tests can let it pass. It is bounded: to send waits for room. Messages are gone
/// with the last clone.
#[derive(Debug)]
pub struct Memory<B> {
    shared: Arc<Shared<B>>,
    lease: Duration,
}

#[derive(Debug)]
struct Shared<B> {
    store: Mutex<Store<B>>,
    capacity: usize,
    /// A message can be received, or will be sooner than it was known.
    sent: Notify,
    /// The same for those who wait for messages of some kinds only: who is woken may not want what is there.
    sent_some: Notify,
    /// How many of them there are.
    choosing: AtomicUsize,
    /// There is room.
    acked: Notify,
}

/// Who waits for messages of some kinds only, as long as this is there.
struct Choosing<'a>(&'a AtomicUsize);

impl<'a> Choosing<'a> {
    fn new(choosing: &'a AtomicUsize) -> Self {
        // Relaxed: see `Memory::wake`.
        choosing.fetch_add(1, Ordering::Relaxed);
        Self(choosing)
    }
}

impl Drop for Choosing<'_> {
    fn drop(&mut self) {
        // Relaxed: see `Memory::wake`.
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An empty queue of at most 65,536 messages, with leases of 30 s.
#[must_use]
pub fn memory<B: Body + Clone>() -> Memory<B> {
    Memory::new(CAPACITY, LEASE)
}

impl<B> Clone for Memory<B> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            lease: self.lease,
        }
    }
}

impl<B: Body + Clone> Memory<B> {
    fn new(capacity: usize, lease: Duration) -> Self {
        Self {
            shared: Arc::new(Shared {
                store: Mutex::new(Store::new()),
                capacity,
                sent: Notify::new(),
                sent_some: Notify::new(),
                choosing: AtomicUsize::new(0),
                acked: Notify::new(),
            }),
            lease,
        }
    }

    /// An empty queue of at most `messages` (at least 1), those under way included.
    #[must_use]
    pub fn capacity(self, messages: usize) -> Self {
        Self::new(messages.max(1), self.lease)
    }

    /// The same queue with leases of this length, for what is received through this clone.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// How many messages there are: those that wait, and those that are leased.
    #[must_use]
    pub fn len(&self) -> usize {
        self.store().len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Stores a message with this body; waits for room.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the message is stored or not.
    pub async fn put(&self, body: B) {
        self.store_one(Outgoing::new(body)).await;
    }

    fn store(&self) -> MutexGuard<'_, Store<B>> {
        let store = &self.shared.store;
        store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn store_one(&self, message: Outgoing<B>) {
        let mut message = Some(message);
        loop {
            let room = self.shared.acked.notified();
            let expires = {
                let now = Instant::now();
                let mut store = self.store();
                let expired = if store.len() < self.shared.capacity {
                    Vec::new()
                } else {
                    store.expire(now)
                };
                let stored = store.len() < self.shared.capacity;
                if stored {
                    let message = message.take().expect("stored once");
                    store.put(message, now);
                }
                let expires = store.next_expiry();
                drop(store);
                self.let_go(expired);
                if stored {
                    self.wake();
                    return;
                }
                expires
            };
            match expires {
                // Whether there is room or something expires: either way it is looked at again.
                Some(expires) => drop(timeout_at(expires, room).await),
                None => room.await,
            }
        }
    }

    /// Something may be received.
    fn wake(&self) {
        // Relaxed: who chooses is counted before it looks, under the lock that what it would find was stored under.
        if self.shared.choosing.load(Ordering::Relaxed) > 0 {
            self.shared.sent_some.notify_waiters();
        }
        self.shared.sent.notify_one();
    }

    /// What has expired is dropped, without the lock, and leaves room.
    fn let_go(&self, expired: Vec<Arc<B>>) {
        if !expired.is_empty() {
            self.shared.acked.notify_waiters();
        }
        drop(expired);
    }

    /// Settles each of the receipts; which of them are lost.
    fn each(
        &self,
        receipts: &[Receipt],
        mut settle: impl FnMut(&mut Store<B>, &Receipt, Instant) -> bool,
    ) -> Vec<Unsettled> {
        let now = Instant::now();
        let mut store = self.store();
        let expired = store.expire(now);
        let mut lost = Vec::new();
        for (index, receipt) in receipts.iter().enumerate() {
            if settle(&mut store, receipt, now) {
                continue;
            }
            lost.push(if store.is_gone(receipt) {
                Unsettled::gone(index)
            } else {
                Unsettled::refused(index, "its lease has ended")
            });
        }
        let ready = store.is_ready(now);
        drop(store);
        self.let_go(expired);
        if ready {
            self.wake();
        }
        lost
    }
}

impl<B: Body + Clone> Queue for Memory<B> {
    type Body = B;

    fn name(&self) -> Name {
        "memory".into()
    }

    fn profile(&self) -> Profile {
        Profile::new(self.lease, BATCH, BATCH).kinds()
    }

    async fn receive(&self, ask: Ask) -> Result<Vec<Received<B>>, QueueError> {
        let Ask { max, wait, kinds } = ask;
        let until = Instant::now() + wait.min(LONGEST_WAIT);
        let choosing = (!kinds.is_empty()).then(|| Choosing::new(&self.shared.choosing));
        loop {
            let sent = match choosing {
                Some(_) => self.shared.sent_some.notified(),
                None => self.shared.sent.notified(),
            };
            let due = {
                let now = Instant::now();
                let mut store = self.store();
                let expired = store.expire(now);
                let received = store.lease(max, &kinds, now, self.lease);
                if !received.is_empty() || now >= until {
                    let more = store.is_ready(now);
                    drop(store);
                    self.let_go(expired);
                    if more {
                        self.wake();
                    }
                    // Cloned here, for no lock is held.
                    let own = |one: Received<_>| one.map_body(Arc::unwrap_or_clone);
                    return Ok(received.into_iter().map(own).collect());
                }
                let due = store.next_due(now).map_or(until, |due| due.min(until));
                drop(store);
                self.let_go(expired);
                due
            };
            // Woken or due: either way it is looked at again.
            let _ = timeout_at(due, sent).await;
        }
    }

    async fn ack(&self, receipts: Vec<Receipt>) -> Result<Vec<Unsettled>, QueueError> {
        let mut done = Vec::with_capacity(receipts.len());
        let lost = self.each(&receipts, |store, receipt, _now| {
            let removed = store.remove(receipt);
            let leased = removed.is_some();
            done.extend(removed);
            leased
        });
        self.shared.acked.notify_waiters();
        Ok(lost)
    }

    async fn nack(
        &self,
        receipts: Vec<Receipt>,
        delay: Duration,
    ) -> Result<Vec<Unsettled>, QueueError> {
        let nacks = receipts.into_iter().map(Nack::new);
        self.nack_failed(nacks.collect(), delay).await
    }

    async fn nack_failed(
        &self,
        nacks: Vec<Nack>,
        delay: Duration,
    ) -> Result<Vec<Unsettled>, QueueError> {
        let each = nacks.into_iter().map(|nack| (nack.receipt, nack.error));
        let (receipts, errors): (Vec<_>, Vec<_>) = each.unzip();
        let mut errors = errors.into_iter();
        let lost = self.each(&receipts, |store, receipt, now| {
            store.give_back(receipt, now, delay, errors.next().flatten())
        });
        // Who waits for what is due sees that it may be sooner.
        self.wake();
        Ok(lost)
    }

    async fn extend(
        &self,
        receipts: Vec<Receipt>,
        lease: Duration,
    ) -> Result<Vec<Unsettled>, QueueError> {
        Ok(self.each(&receipts, |store, receipt, now| {
            store.extend(receipt, now, lease)
        }))
    }

    fn tells_begun(&self) -> bool {
        true
    }

    async fn mark_begun(&self, receipts: Vec<Receipt>) -> Result<Vec<Unsettled>, QueueError> {
        Ok(self.each(&receipts, |store, receipt, _now| store.mark_begun(receipt)))
    }

    async fn give_back(&self, receipts: Vec<Receipt>) -> Result<Vec<Unsettled>, QueueError> {
        let lost = self.each(&receipts, |store, receipt, now| {
            store.give_back_unbegun(receipt, now)
        });
        self.wake();
        Ok(lost)
    }

    async fn send(&self, messages: Vec<Outgoing<B>>) -> Result<Vec<Unsettled>, QueueError> {
        for message in messages {
            self.store_one(message).await;
        }
        Ok(Vec::new())
    }
}
