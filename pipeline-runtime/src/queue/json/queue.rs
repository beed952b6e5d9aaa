//! A queue whose bodies are read and written as JSON.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Json;
use crate::name::Name;
use crate::queue::{
    Ask, Body, Nack, Outgoing, Profile, Queue, QueueError, Receipt, Received, Unsettled,
};

/// The queue with bodies that are any type of serde's, as [`Queue::json`] says.
pub(crate) fn json<Q, T>(queue: Q) -> JsonQueue<Q, T> {
    JsonQueue {
        queue,
        body: PhantomData,
    }
}

/// The queue that [`Queue::json`] makes.
pub struct JsonQueue<Q, T> {
    pub(super) queue: Q,
    body: PhantomData<fn(T) -> T>,
}

impl<Q: Clone, T> Clone for JsonQueue<Q, T> {
    fn clone(&self) -> Self {
        json(self.queue.clone())
    }
}

impl<Q: std::fmt::Debug, T> std::fmt::Debug for JsonQueue<Q, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("JsonQueue").field(&self.queue).finish()
    }
}

impl<Q, T> Queue for JsonQueue<Q, T>
where
    Q: Queue,
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    type Body = Json<T>;

    fn name(&self) -> Name {
        self.queue.name()
    }

    fn profile(&self) -> Profile {
        self.queue.profile()
    }

    async fn receive(&self, ask: Ask) -> Result<Vec<Received<Json<T>>>, QueueError> {
        let received = self.queue.receive(ask).await?;
        Ok(received.into_iter().map(read).collect())
    }

    async fn ack(&self, receipts: Vec<Receipt>) -> Result<Vec<Unsettled>, QueueError> {
        self.queue.ack(receipts).await
    }

    async fn nack(
        &self,
        receipts: Vec<Receipt>,
        delay: Duration,
    ) -> Result<Vec<Unsettled>, QueueError> {
        self.queue.nack(receipts, delay).await
    }

    async fn nack_failed(
        &self,
        nacks: Vec<Nack>,
        delay: Duration,
    ) -> Result<Vec<Unsettled>, QueueError> {
        self.queue.nack_failed(nacks, delay).await
    }

    async fn extend(
        &self,
        receipts: Vec<Receipt>,
        lease: Duration,
    ) -> Result<Vec<Unsettled>, QueueError> {
        self.queue.extend(receipts, lease).await
    }

    async fn lost(&self) -> Vec<Receipt> {
        self.queue.lost().await
    }

    fn tells_begun(&self) -> bool {
        self.queue.tells_begun()
    }

    async fn mark_begun(&self, receipts: Vec<Receipt>) -> Result<Vec<Unsettled>, QueueError> {
        self.queue.mark_begun(receipts).await
    }

    async fn give_back(&self, receipts: Vec<Receipt>) -> Result<Vec<Unsettled>, QueueError> {
        self.queue.give_back(receipts).await
    }

    async fn send(&self, messages: Vec<Outgoing<Json<T>>>) -> Result<Vec<Unsettled>, QueueError> {
        let (mut written, mut indexes, mut unsent) = (Vec::new(), Vec::new(), Vec::new());
        for (index, message) in messages.into_iter().enumerate() {
            match write(message) {
                Ok(message) => {
                    written.push(message);
                    indexes.push(index);
                }
                Err(refused) => unsent.push(refused.at(index)),
            }
        }
        if !written.is_empty() {
            let refused = self.queue.send(written).await?;
            let index = |entry: &Unsettled| indexes.get(entry.index()).copied();
            unsent.extend(refused.into_iter().filter_map(|entry| {
                let index = index(&entry)?;
                Some(entry.at(index))
            }));
        }
        unsent.sort_by_key(Unsettled::index);
        Ok(unsent)
    }

    fn place(&self) -> Option<Arc<str>> {
        self.queue.place()
    }
}

fn read<B: Body, T: DeserializeOwned>(received: Received<B>) -> Received<Json<T>> {
    received.map_body(|body| Json::read(body.to_bytes()))
}

fn write<B: Body, T: Serialize>(outgoing: Outgoing<Json<T>>) -> Result<Outgoing<B>, Unsettled> {
    let written = outgoing.body.text().and_then(B::from_bytes);
    let body = written.map_err(|error| Unsettled::refused(0, error))?;
    Ok(outgoing.map_body(|_| body))
}
