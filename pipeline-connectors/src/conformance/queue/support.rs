//! What the checks share.

use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

use pipeline_runtime::queue::{Ask, Body, Outgoing, Queue, Receipt, Received, Unsettled};
use tokio::time::{Instant, sleep, timeout};

/// After this long a queue that should do something is taken for one that does not.
const PATIENCE: Duration = Duration::from_secs(60);

const SECOND: Duration = Duration::from_secs(1);

/// Two handles to one queue.
pub(super) struct Handles<Q> {
    pub(super) one: Q,
    pub(super) other: Q,
}

/// Bodies that can be made and compared.
pub(super) trait Text: Body + From<String> + Clone + PartialEq + Debug {}
impl<B: Body + From<String> + Clone + PartialEq + Debug> Text for B {}

pub(super) fn message<B: Text>(text: &str) -> Outgoing<B> {
    Outgoing::new(body(text))
}

pub(super) fn body<B: Text>(text: &str) -> B {
    text.to_owned().into()
}

pub(super) fn receipts<B>(received: &[Received<B>]) -> Vec<Receipt> {
    received
        .iter()
        .map(|message| message.receipt.clone())
        .collect()
}

pub(super) fn indexes(unsettled: &[Unsettled]) -> Vec<usize> {
    unsettled.iter().map(Unsettled::index).collect()
}

/// The bodies, sorted, since most queues keep no order.
pub(super) fn bodies<B: Text>(received: &[Received<B>]) -> Vec<String> {
    let mut bodies: Vec<_> = received
        .iter()
        .map(|message| format!("{:?}", message.body))
        .collect();
    bodies.sort();
    bodies
}

/// The same of bodies that are expected.
pub(super) fn expected<B: Text>(texts: impl IntoIterator<Item = impl AsRef<str>>) -> Vec<String> {
    let mut bodies: Vec<_> = texts
        .into_iter()
        .map(|text| format!("{:?}", body::<B>(text.as_ref())))
        .collect();
    bodies.sort();
    bodies
}

/// What a test does with one handle.
pub(super) trait Handle: Queue<Body: Text> {
    fn lease(&self) -> Duration {
        self.profile().lease
    }

    async fn put(&self, messages: Vec<Outgoing<Self::Body>>) {
        let unsent = self.send(messages).await.expect("it does not send");
        assert!(unsent.is_empty(), "messages were not sent: {unsent:?}");
    }

    async fn put_texts(&self, texts: &[&str]) {
        self.put(texts.iter().map(|text| message(text)).collect())
            .await;
    }

    /// What is there now.
    async fn now(&self, max: usize) -> Vec<Received<Self::Body>> {
        self.within(max, Duration::ZERO).await
    }

    async fn within(&self, max: usize, wait: Duration) -> Vec<Received<Self::Body>> {
        let received = self
            .receive(Ask::new(max, wait))
            .await
            .expect("it does not receive");
        assert!(
            received.len() <= max,
            "a receive of {max} brought {}",
            received.len()
        );
        received
    }

    /// Receives until there are `count`, however many receives that takes.
    async fn gather(&self, count: usize) -> Vec<Received<Self::Body>> {
        self.gather_by(count, self.profile().receives).await
    }

    /// The same with at most `max` messages a receive.
    async fn gather_by(&self, count: usize, max: usize) -> Vec<Received<Self::Body>> {
        let mut all = Vec::new();
        let gathering = async {
            while all.len() < count {
                let received = self.within(max.min(count - all.len()), SECOND).await;
                if received.is_empty() {
                    // A queue that does not wait must not keep the checks from ending.
                    sleep(Duration::from_millis(1)).await;
                }
                all.extend(received);
            }
        };
        let gathered = timeout(PATIENCE, gathering).await.is_ok();
        assert!(gathered, "of {count} messages only {} came", all.len());
        all
    }

    async fn one(&self) -> Received<Self::Body> {
        self.gather(1).await.swap_remove(0)
    }

    async fn acked(&self, received: &[Received<Self::Body>]) {
        let unsettled = self.ack(receipts(received)).await.expect("it does not ack");
        assert!(unsettled.is_empty(), "not acknowledged: {unsettled:?}");
    }

    async fn nacked(&self, received: &[Received<Self::Body>], delay: Duration) {
        let unsettled = self.nack(receipts(received), delay).await;
        let unsettled = unsettled.expect("it does not nack");
        assert!(unsettled.is_empty(), "not released: {unsettled:?}");
    }

    async fn extended(&self, received: &[Received<Self::Body>], lease: Duration) {
        let unsettled = self.extend(receipts(received), lease).await;
        let unsettled = unsettled.expect("it does not extend");
        assert!(unsettled.is_empty(), "not extended: {unsettled:?}");
    }

    /// Nothing is delivered, from now on for a time.
    async fn silent(&self, time: Duration, why: &str) {
        let end = Instant::now() + time;
        loop {
            let received = self.now(10).await;
            assert!(received.is_empty(), "{why}, yet it brings {received:?}");
            if Instant::now() >= end {
                return;
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Nothing comes, even when every lease that there may be has ended.
    async fn empty(&self, why: &str) {
        self.silent(self.lease() + self.lease() / 2, why).await;
    }
}

impl<Q: Queue<Body: Text>> Handle for Q {}

/// Fails a check whose queue is stuck.
pub(super) async fn in_time<F: Future>(what: &str, future: F) -> F::Output {
    let output = timeout(PATIENCE, future).await;
    output.unwrap_or_else(|_| panic!("{what} does not happen"))
}
