//! What the tests share: a queue that is watched and fails on demand, a gate, a store of letters.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use brigade::Name;
use brigade::queue::{
    Ask, Body, DeadLetter, DeadLetters, DeadLettersError, DeliverySnapshot, DeliveryStats, Memory,
    Outgoing, Profile, Queue, QueueError, Receipt, Received, Unsettled, memory,
};
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// Longer than anything here takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(3600);

/// The lease of the queues here.
pub(crate) const LEASE: Duration = Duration::from_secs(30);

/// Waits until the counts are as they should be; every snapshot on the way accounts for every delivery.
pub(crate) async fn until(stats: &DeliveryStats, holds: impl Fn(&DeliverySnapshot) -> bool) {
    let waiting = async {
        while !holds(&conserved(stats)) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, waiting).await;
    assert!(waited.is_ok(), "it stays at {:?}", stats.snapshot());
}

/// A snapshot that accounts for every delivery.
pub(crate) fn conserved(stats: &DeliveryStats) -> DeliverySnapshot {
    let counts = stats.snapshot();
    assert_eq!(
        counts.received,
        counts.acked + counts.nacked + counts.dead + counts.in_flight,
        "{counts:?}"
    );
    counts
}

/// A queue with these bodies.
pub(crate) async fn filled<B: Body + Clone>(bodies: impl IntoIterator<Item = B>) -> Memory<B> {
    let queue = memory();
    for body in bodies {
        queue.put(body).await;
    }
    queue
}

/// What can be received within `wait`, with how often it was delivered.
pub(crate) async fn received<B: Body + Clone>(queue: &Memory<B>, wait: Duration) -> Vec<(B, u32)> {
    let messages = queue.receive(Ask::new(usize::MAX, wait)).await.unwrap();
    messages
        .into_iter()
        .map(|message| (message.body, message.receive_count))
        .collect()
}

/// What a queue was asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Receive,
    Ack,
    Nack(Duration),
    Extend,
    Begin,
}

#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) op: Op,
    pub(crate) at: Instant,
    pub(crate) receipts: Vec<Receipt>,
}

/// How a call goes wrong.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    Transient,
    Fatal,
    Panics,
    /// It never returns.
    Hangs,
    /// The first entry fails, and may be tried again.
    First,
    /// The first entry is lost.
    FirstLost,
    /// It is done, and its answer is cut off.
    CutOff,
    /// The messages are removed before it.
    Purged,
}

/// A memory queue that notes every call, and of which calls go wrong.
#[derive(Debug)]
pub(crate) struct Watched<B> {
    pub(crate) inner: Memory<B>,
    calls: Mutex<Vec<Call>>,
    faults: Mutex<VecDeque<(Op, Fault)>>,
}

impl<B: Body + Clone> Watched<B> {
    pub(crate) async fn filled(bodies: impl IntoIterator<Item = B>) -> Arc<Self> {
        Arc::new(Self {
            inner: filled(bodies).await,
            calls: Mutex::default(),
            faults: Mutex::default(),
        })
    }

    /// The next `times` calls of this kind go wrong. Of `Nack` any delay is meant.
    pub(crate) fn fails(&self, op: Op, fault: Fault, times: usize) {
        let faults = std::iter::repeat_n((op, fault), times);
        self.faults.lock().unwrap().extend(faults);
    }

    /// No call goes wrong any more but those that do already.
    pub(crate) fn recovers(&self) {
        self.faults.lock().unwrap().clear();
    }

    pub(crate) fn calls(&self, op: Op) -> Vec<Call> {
        let calls = self.calls.lock().unwrap();
        let same = |call: &&Call| std::mem::discriminant(&call.op) == std::mem::discriminant(&op);
        calls.iter().filter(same).cloned().collect()
    }

    async fn called(
        &self,
        op: Op,
        receipts: &[Receipt],
    ) -> Result<(Vec<Receipt>, Vec<Unsettled>), QueueError> {
        self.calls.lock().unwrap().push(Call {
            op,
            at: Instant::now(),
            receipts: receipts.to_vec(),
        });
        let fault = {
            let mut faults = self.faults.lock().unwrap();
            let same =
                |(of, _): &(Op, Fault)| std::mem::discriminant(of) == std::mem::discriminant(&op);
            let at = faults.iter().position(same);
            at.and_then(|at| faults.remove(at))
        };
        let first = || receipts.iter().skip(1).cloned().collect();
        match fault {
            None => Ok((receipts.to_vec(), Vec::new())),
            Some((Op::Ack, Fault::CutOff)) => {
                self.inner.ack(receipts.to_vec()).await?;
                Err(QueueError::away("the answer was cut off"))
            }
            Some((Op::Ack, Fault::Purged)) => {
                self.inner.ack(receipts.to_vec()).await?;
                Ok((receipts.to_vec(), Vec::new()))
            }
            Some((_, Fault::CutOff | Fault::Purged)) => unreachable!("of acknowledgements only"),
            Some((_, Fault::Transient)) => Err(QueueError::away("the queue is away")),
            Some((_, Fault::Fatal)) => Err(QueueError::closed("no such queue")),
            Some((_, Fault::Panics)) => panic!("the queue is broken"),
            Some((_, Fault::Hangs)) => std::future::pending().await,
            Some((_, Fault::First)) => Ok((first(), vec![Unsettled::away(0, "busy")])),
            Some((_, Fault::FirstLost)) => Ok((first(), vec![Unsettled::refused(0, "lost")])),
        }
    }
}

/// The entries of the inner queue's answer, after one that was not asked for.
fn shifted(mut own: Vec<Unsettled>, inner: Vec<Unsettled>) -> Vec<Unsettled> {
    let offset = own.len();
    own.extend(inner.into_iter().map(|unsettled| {
        let index = unsettled.index() + offset;
        unsettled.at(index)
    }));
    own
}

impl<B: Body + Clone> Queue for Watched<B> {
    type Body = B;

    fn name(&self) -> Name {
        "watched".into()
    }

    fn profile(&self) -> Profile {
        self.inner.profile()
    }

    async fn receive(&self, ask: Ask) -> Result<Vec<Received<B>>, QueueError> {
        self.called(Op::Receive, &[]).await?;
        self.inner.receive(ask).await
    }

    async fn ack(&self, receipts: Vec<Receipt>) -> Result<Vec<Unsettled>, QueueError> {
        let (receipts, own) = self.called(Op::Ack, &receipts).await?;
        Ok(shifted(own, self.inner.ack(receipts).await?))
    }

    async fn nack(
        &self,
        receipts: Vec<Receipt>,
        delay: Duration,
    ) -> Result<Vec<Unsettled>, QueueError> {
        let (receipts, own) = self.called(Op::Nack(delay), &receipts).await?;
        Ok(shifted(own, self.inner.nack(receipts, delay).await?))
    }

    async fn extend(
        &self,
        receipts: Vec<Receipt>,
        lease: Duration,
    ) -> Result<Vec<Unsettled>, QueueError> {
        let (receipts, own) = self.called(Op::Extend, &receipts).await?;
        Ok(shifted(own, self.inner.extend(receipts, lease).await?))
    }

    fn tells_begun(&self) -> bool {
        true
    }

    async fn mark_begun(&self, receipts: Vec<Receipt>) -> Result<Vec<Unsettled>, QueueError> {
        let (receipts, own) = self.called(Op::Begin, &receipts).await?;
        Ok(shifted(own, self.inner.mark_begun(receipts).await?))
    }

    async fn give_back(&self, receipts: Vec<Receipt>) -> Result<Vec<Unsettled>, QueueError> {
        let (receipts, own) = self.called(Op::Nack(Duration::ZERO), &receipts).await?;
        Ok(shifted(own, self.inner.give_back(receipts).await?))
    }

    async fn send(&self, messages: Vec<Outgoing<B>>) -> Result<Vec<Unsettled>, QueueError> {
        self.inner.send(messages).await
    }
}

/// Lets as many pass as it is told to.
#[derive(Debug, Clone)]
pub(crate) struct Gate(Arc<Semaphore>);

impl Gate {
    pub(crate) fn closed() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    pub(crate) fn open(&self) {
        self.0.add_permits(Semaphore::MAX_PERMITS / 2);
    }

    pub(crate) fn let_pass(&self, count: usize) {
        self.0.add_permits(count);
    }

    pub(crate) async fn pass(&self) {
        self.0.acquire().await.unwrap().forget();
    }
}

/// Dead letters in memory.
#[derive(Debug, Clone, Default)]
pub(crate) struct Letters {
    written: Arc<Mutex<Vec<DeadLetter>>>,
    broken: bool,
}

impl Letters {
    /// A store that takes none.
    pub(crate) fn broken() -> Self {
        Self {
            broken: true,
            ..Self::default()
        }
    }

    pub(crate) fn written(&self) -> Vec<DeadLetter> {
        self.written.lock().unwrap().clone()
    }
}

impl DeadLetters for Letters {
    fn name(&self) -> Name {
        "memory".into()
    }

    async fn write(&self, letters: Vec<DeadLetter>) -> Result<(), DeadLettersError> {
        if self.broken {
            return Err(DeadLettersError::closed("the disk is gone"));
        }
        self.written.lock().unwrap().extend(letters);
        Ok(())
    }
}

/// A memory queue that does no more than a queue has to: it does not tell which deliveries were worked on, and cannot be asked
/// for some kinds only.
pub(crate) struct Plain<B>(pub(crate) Memory<B>);

impl<B: Body + Clone> Queue for Plain<B> {
    type Body = B;

    fn name(&self) -> Name {
        "plain".into()
    }

    fn profile(&self) -> Profile {
        let Profile {
            lease,
            receives,
            settles,
            ..
        } = self.0.profile();
        Profile::new(lease, receives, settles)
    }

    async fn receive(&self, ask: Ask) -> Result<Vec<Received<B>>, QueueError> {
        self.0.receive(Ask::new(ask.max, ask.wait)).await
    }

    async fn ack(&self, receipts: Vec<Receipt>) -> Result<Vec<Unsettled>, QueueError> {
        self.0.ack(receipts).await
    }

    async fn nack(
        &self,
        receipts: Vec<Receipt>,
        delay: Duration,
    ) -> Result<Vec<Unsettled>, QueueError> {
        self.0.nack(receipts, delay).await
    }

    async fn extend(
        &self,
        receipts: Vec<Receipt>,
        lease: Duration,
    ) -> Result<Vec<Unsettled>, QueueError> {
        self.0.extend(receipts, lease).await
    }

    async fn send(&self, messages: Vec<Outgoing<B>>) -> Result<Vec<Unsettled>, QueueError> {
        self.0.send(messages).await
    }
}
