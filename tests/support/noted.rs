//! A queue of numbers that notes what is acknowledged and what is given back.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use brigade::Name;
use brigade::queue::{
    Ask, Memory, Outgoing, Profile, Queue, QueueError, Receipt, Received, Unsettled,
};

pub(crate) struct Noted {
    pub(crate) inner: Memory<u64>,
    bodies: Mutex<HashMap<Receipt, u64>>,
    acked: Mutex<Vec<(Receipt, u64)>>,
    nacked: Mutex<Vec<u64>>,
}

impl Noted {
    pub(crate) fn of(inner: Memory<u64>) -> Arc<Self> {
        Arc::new(Self {
            inner,
            bodies: Mutex::default(),
            acked: Mutex::default(),
            nacked: Mutex::default(),
        })
    }

    /// What was acknowledged, in order.
    pub(crate) fn acked(&self) -> Vec<(Receipt, u64)> {
        self.acked.lock().unwrap().clone()
    }

    /// What was given back, in order.
    pub(crate) fn nacked(&self) -> Vec<u64> {
        self.nacked.lock().unwrap().clone()
    }

    fn body(&self, receipt: &Receipt) -> u64 {
        self.bodies.lock().unwrap()[receipt]
    }
}

impl Queue for Noted {
    type Body = u64;

    fn name(&self) -> Name {
        self.inner.name()
    }

    fn profile(&self) -> Profile {
        self.inner.profile()
    }

    async fn receive(&self, ask: Ask) -> Result<Vec<Received<u64>>, QueueError> {
        let received = self.inner.receive(ask).await?;
        let mut bodies = self.bodies.lock().unwrap();
        bodies.extend(received.iter().map(|one| (one.receipt.clone(), one.body)));
        Ok(received)
    }

    async fn ack(&self, receipts: Vec<Receipt>) -> Result<Vec<Unsettled>, QueueError> {
        let acked = receipts
            .iter()
            .map(|receipt| (receipt.clone(), self.body(receipt)));
        self.acked.lock().unwrap().extend(acked);
        self.inner.ack(receipts).await
    }

    async fn nack(
        &self,
        receipts: Vec<Receipt>,
        delay: Duration,
    ) -> Result<Vec<Unsettled>, QueueError> {
        let nacked = receipts.iter().map(|receipt| self.body(receipt));
        self.nacked.lock().unwrap().extend(nacked);
        self.inner.nack(receipts, delay).await
    }

    async fn extend(
        &self,
        receipts: Vec<Receipt>,
        lease: Duration,
    ) -> Result<Vec<Unsettled>, QueueError> {
        self.inner.extend(receipts, lease).await
    }

    async fn send(&self, messages: Vec<Outgoing<u64>>) -> Result<Vec<Unsettled>, QueueError> {
        self.inner.send(messages).await
    }
}
