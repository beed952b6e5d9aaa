//! Queues of Amazon SQS.

mod admin;
mod build;
mod error;
mod handle;
mod limits;
mod receipt;
mod receive;
mod send;
mod settle;

use std::time::Duration;

use pipeline_runtime::Name;
use pipeline_runtime::queue::{
    Ask, Outgoing, Profile, Queue, QueueError, Receipt, Received, Unsettled,
};

pub use build::{SqsQueueBuilder, sqs};
pub use handle::SqsQueue;

use settle::Settle;

impl Queue for SqsQueue {
    type Body = String;

    fn name(&self) -> Name {
        self.0.name.clone()
    }

    fn profile(&self) -> Profile {
        self.0.profile
    }

    async fn receive(&self, ask: Ask) -> Result<Vec<Received<String>>, QueueError> {
        receive::receive(self, ask).await
    }

    async fn ack(&self, receipts: Vec<Receipt>) -> Result<Vec<Unsettled>, QueueError> {
        settle::settle(self, Settle::Delete, receipts).await
    }

    async fn nack(
        &self,
        receipts: Vec<Receipt>,
        delay: Duration,
    ) -> Result<Vec<Unsettled>, QueueError> {
        settle::settle(self, Settle::Hide(delay), receipts).await
    }

    async fn extend(
        &self,
        receipts: Vec<Receipt>,
        lease: Duration,
    ) -> Result<Vec<Unsettled>, QueueError> {
        settle::settle(self, Settle::Hide(lease), receipts).await
    }

    async fn send(&self, messages: Vec<Outgoing<String>>) -> Result<Vec<Unsettled>, QueueError> {
        send::send(self, messages).await
    }
}
