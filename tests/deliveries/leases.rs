//! What ends the lease of a delivery, and what ends a queue: as the queue says.

use std::sync::Mutex;
use std::time::Duration;

use brigade::Name;
use brigade::prelude::*;
use brigade::queue::{
    Ask, Leases, Memory, Outgoing, Profile, Queue, QueueError, Receipt, Received, Unsettled,
};
use tokio::sync::Notify;

use crate::fakes::{Gate, LEASE, PATIENCE, filled, until};

/// A queue whose leases end otherwise, or which has an end.
struct Other {
    inner: Memory<u64>,
    leases: Leases,
    /// It ends with the first message that is not there.
    ends: bool,
    extended: Mutex<usize>,
    received: Mutex<Vec<(u64, Receipt)>>,
    /// What is told to be lost; `None` panics.
    lost: Mutex<Option<Vec<Receipt>>>,
    tells: Notify,
}

impl Other {
    async fn filled(leases: Leases, ends: bool) -> std::sync::Arc<Self> {
        let inner = filled(0..4_u64).await;
        std::sync::Arc::new(Self {
            inner,
            leases,
            ends,
            extended: Mutex::default(),
            received: Mutex::default(),
            lost: Mutex::new(Some(Vec::new())),
            tells: Notify::new(),
        })
    }

    /// It has given this message to somebody else.
    fn takes_away(&self, number: u64) {
        let received = self.received.lock().unwrap();
        let (_, receipt) = received.iter().find(|(one, _)| *one == number).unwrap();
        *self.lost.lock().unwrap() = Some(vec![Receipt("another's".into()), receipt.clone()]);
        self.tells.notify_one();
    }

    fn breaks(&self) {
        *self.lost.lock().unwrap() = None;
        self.tells.notify_one();
    }

    fn extended(&self) -> usize {
        *self.extended.lock().unwrap()
    }
}

impl Queue for Other {
    type Body = u64;

    fn name(&self) -> Name {
        "other".into()
    }

    fn profile(&self) -> Profile {
        self.inner.profile().leases(self.leases)
    }

    async fn receive(&self, ask: Ask) -> Result<Vec<Received<u64>>, QueueError> {
        let wait = if self.ends { Duration::ZERO } else { ask.wait };
        let received = self.inner.receive(Ask::new(ask.max, wait)).await?;
        if self.ends && received.is_empty() {
            return Err(QueueError::ended());
        }
        let mut all = self.received.lock().unwrap();
        all.extend(received.iter().map(|one| (one.body, one.receipt.clone())));
        Ok(received)
    }

    async fn ack(&self, receipts: Vec<Receipt>) -> Result<Vec<Unsettled>, QueueError> {
        self.inner.ack(receipts).await
    }

    async fn nack(
        &self,
        receipts: Vec<Receipt>,
        delay: Duration,
    ) -> Result<Vec<Unsettled>, QueueError> {
        self.inner.nack(receipts, delay).await
    }

    async fn extend(
        &self,
        receipts: Vec<Receipt>,
        lease: Duration,
    ) -> Result<Vec<Unsettled>, QueueError> {
        *self.extended.lock().unwrap() += receipts.len();
        self.inner.extend(receipts, lease).await
    }

    async fn lost(&self) -> Vec<Receipt> {
        self.tells.notified().await;
        let lost = self.lost.lock().unwrap().take();
        lost.expect("it does not know")
    }

    async fn send(&self, messages: Vec<Outgoing<u64>>) -> Result<Vec<Unsettled>, QueueError> {
        self.inner.send(messages).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_has_ended_is_an_input_that_has() {
    let queue = Other::filled(Leases::Timed, true).await;
    let deliveries = queue.clone().deliveries();
    let (stats, out) = (deliveries.stats(), sink::collect());
    let running = pipeline! {
        [deliveries]
        map(|number| *number),
        :drive out.clone(),
    };
    let report = tokio::time::timeout(PATIENCE, running.run()).await.unwrap();
    assert!(report.is_ok(), "{report:?}");
    assert_eq!(out.take(), [0, 1, 2, 3]);
    assert_eq!(stats.snapshot().acked, 4);
}

/// How many of the messages are acknowledged that are worked on for so long, one after the other, and how often leases were
/// extended meanwhile.
async fn acked(leases: Leases, work: Duration) -> (u64, usize) {
    let queue = Other::filled(leases, false).await;
    let deliveries = queue.clone().deliveries().prefetch(1);
    let stats = deliveries.stats();
    let running = pipeline! {
        [deliveries]
        :async 1 tap(async |_| tokio::time::sleep(work).await),
        :drive sink::discard(),
    }
    .spawn();
    let done = |counts: &brigade::queue::DeliverySnapshot| counts.acked + counts.lost >= 4;
    until(&stats, done).await;
    let (acked, extended) = (stats.snapshot().acked, queue.extended());
    drop(running);
    (acked, extended)
}

#[tokio::test(start_paused = true)]
async fn only_leases_that_can_be_are_extended() {
    let (short, long) = (LEASE / 10, 3 * LEASE);
    assert_eq!(acked(Leases::Fixed, short).await, (4, 0));
    assert_eq!(acked(Leases::Fixed, long).await, (0, 0), "the time is over");
    let (all, extended) = acked(Leases::Timed, long).await;
    assert_eq!(all, 4);
    assert!(extended >= 4 * 2, "{extended} times");
}

#[tokio::test(start_paused = true)]
async fn no_clock_ends_the_lease_of_a_connection() {
    let queue = Other::filled(Leases::Connection, false).await;
    // The queue here goes by the clock, so only what is begun can be asked.
    let deliveries = queue.clone().deliveries().prefetch(4);
    let (gate, begun) = (Gate::closed(), sink::collect());
    let (passing, stats) = (gate.clone(), deliveries.stats());
    let running = pipeline! {
        [deliveries]
        :async 1 map(async |number| {
            passing.pass().await;
            *number
        }),
        :drive begun.clone(),
    }
    .spawn();
    until(&stats, |counts| counts.in_flight == 4).await;
    tokio::time::sleep(100 * LEASE).await;
    gate.open();
    until(&stats, |counts| counts.acked + counts.lost >= 4).await;
    assert_eq!(begun.take()[..4], [0, 1, 2, 3]);
    assert_eq!(queue.extended(), 0);
    drop(running);
}

#[tokio::test(start_paused = true)]
async fn what_the_queue_takes_away_is_not_begun_and_nothing_is_told_of_it() {
    let queue = Other::filled(Leases::Connection, false).await;
    let deliveries = queue.clone().deliveries().prefetch(4);
    let (gate, out) = (Gate::closed(), sink::collect());
    let (passing, stats) = (gate.clone(), deliveries.stats());
    let running = pipeline! {
        [deliveries]
        :async 1 map(async |number| {
            passing.pass().await;
            *number
        }),
        :drive out.clone(),
    }
    .spawn();
    until(&stats, |counts| counts.in_flight == 4).await;
    queue.takes_away(2);
    until(&stats, |_| queue.lost.lock().unwrap().is_none()).await;
    // What takes it away is told before the next turn of any timer.
    tokio::time::sleep(Duration::from_millis(1)).await;
    gate.open();
    until(&stats, |counts| counts.acked == 3 && counts.lost == 1).await;
    assert_eq!(out.take(), [0, 1, 3]);
    // It breaks now, and all else goes on.
    queue.breaks();
    tokio::time::sleep(Duration::from_millis(1)).await;
    queue.send(vec![Outgoing::new(9)]).await.unwrap();
    until(&stats, |counts| counts.acked >= 4).await;
    assert!(out.take().contains(&9));
    running.drain(PATIENCE).await.unwrap();
}
