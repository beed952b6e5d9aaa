//! Acknowledging, releasing and extending: ten entries a request, several requests at a time.

use std::time::Duration;

use aws_sdk_sqs::types::{
    BatchResultErrorEntry, ChangeMessageVisibilityBatchRequestEntry as Visibility,
    DeleteMessageBatchRequestEntry as Deletion,
};
use futures::stream::{StreamExt as _, iter};
use pipeline_runtime::queue::{QueueError, Receipt, Unsettled};

use super::error::{queue_error, unsettled};
use super::handle::SqsQueue;
use super::limits::{ENTRIES, hidden};
use super::receipt::Received;

/// Requests at a time.
pub(super) const REQUESTS: usize = 8;

#[derive(Clone, Copy)]
pub(super) enum Settle {
    Delete,
    /// For so long from now, as far as SQS allows.
    Hide(Duration),
}

pub(super) async fn settle(
    queue: &SqsQueue,
    settle: Settle,
    receipts: Vec<Receipt>,
) -> Result<Vec<Unsettled>, QueueError> {
    let parts = (0..receipts.len()).step_by(ENTRIES);
    let parts = parts.map(|first| first..receipts.len().min(first + ENTRIES));
    let requests: Vec<_> = parts
        .map(async |part| (part.clone(), request(queue, settle, &receipts[part]).await))
        .collect();
    let outcomes = iter(requests).buffer_unordered(REQUESTS).collect().await;
    summarise(outcomes)
}

/// What became of one request: which of its entries failed.
pub(super) type Outcome = Result<Vec<BatchResultErrorEntry>, QueueError>;

async fn request(queue: &SqsQueue, settle: Settle, receipts: &[Receipt]) -> Outcome {
    let url = queue.url().await?;
    let entries = receipts.iter().map(Received::of).enumerate();
    let failed = match settle {
        Settle::Delete => {
            let entry = |(index, received): (usize, Received<'_>)| {
                Deletion::builder()
                    .id(index.to_string())
                    .receipt_handle(received.handle)
                    .build()
            };
            let entries = entries
                .map(entry)
                .collect::<Result<_, _>>()
                .map_err(QueueError::refused)?;
            let request = queue.client().delete_message_batch().queue_url(url);
            let answer = request.set_entries(Some(entries)).send().await;
            answer.map_err(|error| queue_error(&error))?.failed
        }
        Settle::Hide(time) => {
            let entry = |(index, received): (usize, Received<'_>)| {
                let entry = Visibility::builder().id(index.to_string());
                entry
                    .receipt_handle(received.handle)
                    .visibility_timeout(hidden(time, received.ago))
                    .build()
            };
            let entries = entries
                .map(entry)
                .collect::<Result<_, _>>()
                .map_err(QueueError::refused)?;
            let request = queue
                .client()
                .change_message_visibility_batch()
                .queue_url(url);
            let answer = request.set_entries(Some(entries)).send().await;
            answer.map_err(|error| queue_error(&error))?.failed
        }
    };
    Ok(failed)
}

/// The failed entries of several requests, each for a part of the batch. Where all requests failed the batch did; where
/// some did, their entries.
pub(super) fn summarise(
    outcomes: Vec<(std::ops::Range<usize>, Outcome)>,
) -> Result<Vec<Unsettled>, QueueError> {
    let none_succeeded = outcomes.iter().all(|(_, outcome)| outcome.is_err());
    let mut failed = Vec::new();
    for (range, outcome) in outcomes {
        match outcome {
            Ok(entries) => failed.extend(entries.iter().filter_map(|entry| {
                let index = range.start + entry.id().parse::<usize>().ok()?;
                Some(unsettled(index, entry))
            })),
            Err(error) if none_succeeded => return Err(error),
            Err(error) => {
                let text = error.to_string();
                let entry = |index| Unsettled::new(index, QueueError::new(error.kind(), &*text));
                failed.extend(range.map(entry));
            }
        }
    }
    failed.sort_by_key(Unsettled::index);
    Ok(failed)
}
