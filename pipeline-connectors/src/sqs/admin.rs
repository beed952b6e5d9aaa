//! What SQS can do for an operator: count, and purge.

use aws_sdk_sqs::types::QueueAttributeName as Name;
use pipeline_runtime::queue::{Admin, Filter, MessageInfo, Pause, QueueError, QueueStats};

use super::error::queue_error;
use super::handle::SqsQueue;

/// SQS counts messages, and purges a queue once a minute at most; what it counts is a few seconds old. It cannot list
/// messages, look at one, cancel one, have one delivered now, or pause a queue: that is refused.
impl Admin for SqsQueue {
    async fn stats(&self) -> Result<QueueStats, QueueError> {
        const READY: Name = Name::ApproximateNumberOfMessages;
        const DELAYED: Name = Name::ApproximateNumberOfMessagesDelayed;
        const TAKEN: Name = Name::ApproximateNumberOfMessagesNotVisible;
        let request = self.client().get_queue_attributes();
        let request = request.queue_url(self.url().await?);
        let asked = Some(vec![READY, DELAYED, TAKEN]);
        let answer = request.set_attribute_names(asked).send().await;
        let counts = answer.map_err(|error| queue_error(&error))?.attributes;
        let count = |name| {
            let counted = counts.as_ref().and_then(|counts| counts.get(&name));
            let counted = counted.and_then(|count| count.parse().ok());
            counted.ok_or_else(|| QueueError::away(format!("SQS does not tell {name}")))
        };
        let mut stats = QueueStats::default();
        stats.ready = count(READY)?;
        stats.delayed = count(DELAYED)?;
        stats.taken = count(TAKEN)?;
        Ok(stats)
    }

    async fn list(&self, _filter: Filter, _limit: usize) -> Result<Vec<MessageInfo>, QueueError> {
        Err(cannot("list messages; `stats` counts them"))
    }

    async fn get(&self, _id: &str) -> Result<Vec<MessageInfo>, QueueError> {
        Err(cannot(
            "look at a message; receive it, and release it again",
        ))
    }

    async fn cancel(&self, _ids: Vec<String>) -> Result<Vec<String>, QueueError> {
        Err(cannot(
            "remove a message by its id; receive it, and acknowledge it",
        ))
    }

    async fn retry_now(&self, _ids: Vec<String>) -> Result<Vec<String>, QueueError> {
        Err(cannot("end a delay; the message comes when it is over"))
    }

    /// The number is what SQS had counted before.
    async fn purge(&self) -> Result<u64, QueueError> {
        let there = self.stats().await?.total();
        let request = self.client().purge_queue();
        let purged = request.queue_url(self.url().await?).send().await;
        purged.map_err(|error| queue_error(&error))?;
        Ok(there)
    }

    async fn pause(&self, _pause: Pause) -> Result<(), QueueError> {
        Err(cannot(
            "pause a queue; stop the programs that receive from it",
        ))
    }

    async fn resume(&self) -> Result<(), QueueError> {
        Err(cannot("pause a queue, so there is nothing to resume"))
    }
}

fn cannot(what: &str) -> QueueError {
    QueueError::refused(format!("SQS cannot {what}"))
}
