//! A queue of JSON as its operator sees it: with the bodies as they are stored.

use super::queue::JsonQueue;
use crate::queue::QueueError;
use crate::queue::admin::{Admin, Filter, MessageInfo, Pause, QueueStats};

impl<Q: Admin, T: 'static> Admin for JsonQueue<Q, T> {
    async fn stats(&self) -> Result<QueueStats, QueueError> {
        self.queue.stats().await
    }

    async fn list(&self, filter: Filter, limit: usize) -> Result<Vec<MessageInfo>, QueueError> {
        self.queue.list(filter, limit).await
    }

    async fn get(&self, id: &str) -> Result<Vec<MessageInfo>, QueueError> {
        self.queue.get(id).await
    }

    async fn cancel(&self, ids: Vec<String>) -> Result<Vec<String>, QueueError> {
        self.queue.cancel(ids).await
    }

    async fn retry_now(&self, ids: Vec<String>) -> Result<Vec<String>, QueueError> {
        self.queue.retry_now(ids).await
    }

    async fn purge(&self) -> Result<u64, QueueError> {
        self.queue.purge().await
    }

    async fn pause(&self, pause: Pause) -> Result<(), QueueError> {
        self.queue.pause(pause).await
    }

    async fn resume(&self) -> Result<(), QueueError> {
        self.queue.resume().await
    }
}
