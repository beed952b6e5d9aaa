//! Receiving: one request that waits while there is little, several that do not while there is much.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName as Attribute};
use futures::stream::{StreamExt as _, iter};
use pipeline_runtime::queue::{Ask, Queue as _, QueueError, Received};

use super::error::queue_error;
use super::handle::SqsQueue;
use super::limits::{DEDUP, ENTRIES, HIDDEN, ID, WAIT, seconds};
use super::receipt;

pub(super) async fn receive(
    queue: &SqsQueue,
    ask: Ask,
) -> Result<Vec<Received<String>>, QueueError> {
    let Ask {
        max, wait, kinds, ..
    } = ask;
    if !kinds.is_empty() {
        let why = "SQS cannot be asked for some kinds of messages only";
        return Err(QueueError::refused(why));
    }
    // Of a group, a FIFO queue gives out nothing more while one of it is leased, but all of it in one answer.
    let batch = if queue.is_fifo() { 1 } else { ENTRIES };
    let max = max.min(queue.profile().receives).max(1);
    let most = max.div_ceil(batch).min(queue.0.requests);
    // Relaxed: a guess, by which nothing else is read.
    let eager = queue.0.eager.load(Ordering::Relaxed).min(most);
    if eager > 1 {
        let requests = (0..eager).map(|n| {
            let count = batch.min(max - n * batch);
            request(queue, count, Duration::ZERO)
        });
        // Leases run while others are waited for. What hangs is given up, as an answer that is lost.
        let enough = tokio::time::sleep(queue.profile().lease / 3);
        let answers = iter(requests).buffer_unordered(eager).take_until(enough);
        let answers: Vec<_> = answers.collect().await;
        let answered = answers.len();
        let received = merge(answers)?;
        note(queue, received.len(), eager * batch, eager);
        // Nothing came: that is known of a queue only that has answered.
        if !received.is_empty() || (wait.is_zero() && answered == eager) {
            return Ok(received);
        }
    }
    let count = batch.min(max);
    let received = request(queue, count, wait).await?;
    note(queue, received.len(), count, 1);
    Ok(received)
}

/// The next receive asks for twice as much if there was all that this one asked for, else for as much as there was.
fn note(queue: &SqsQueue, came: usize, asked: usize, requests: usize) {
    let next = if came >= asked {
        2 * requests
    } else {
        (requests * came).div_ceil(asked).max(1)
    };
    let next = next.min(queue.0.requests);
    // Relaxed: see `receive`; whoever has received last guesses best.
    queue.0.eager.store(next, Ordering::Relaxed);
}

/// What came of several requests. A failure among others shows again at the next receive.
fn merge(
    answers: Vec<Result<Vec<Received<String>>, QueueError>>,
) -> Result<Vec<Received<String>>, QueueError> {
    let mut received = Vec::new();
    let mut failed = None;
    for answer in answers {
        match answer {
            Ok(more) => received.extend(more),
            Err(error) => failed = Some(error),
        }
    }
    match failed {
        Some(error) if received.is_empty() => Err(error),
        _ => Ok(received),
    }
}

async fn request(
    queue: &SqsQueue,
    count: usize,
    wait: Duration,
) -> Result<Vec<Received<String>>, QueueError> {
    let url = queue.url().await?;
    let answer = queue
        .client()
        .receive_message()
        .queue_url(url)
        .max_number_of_messages(i32::try_from(count).unwrap_or(1))
        .visibility_timeout(seconds(queue.profile().lease, HIDDEN))
        .wait_time_seconds(seconds(wait, WAIT))
        .message_system_attribute_names(Attribute::ApproximateReceiveCount)
        .message_system_attribute_names(Attribute::SentTimestamp)
        .message_system_attribute_names(Attribute::MessageGroupId)
        .message_attribute_names("All")
        .send()
        .await
        .map_err(|error| queue_error(&error))?;
    let messages = answer.messages.unwrap_or_default();
    Ok(messages.into_iter().filter_map(received).collect())
}

/// `None` for what no server should send: a message that could never be settled.
fn received(message: Message) -> Option<Received<String>> {
    let receipt = receipt::Received::now(&message.receipt_handle?);
    let attribute = |name| message.attributes.as_ref()?.get(&name)?.parse::<u64>().ok();
    let count = attribute(Attribute::ApproximateReceiveCount).unwrap_or(1);
    let sent = attribute(Attribute::SentTimestamp).map_or_else(SystemTime::now, |sent| {
        UNIX_EPOCH + Duration::from_millis(sent)
    });
    let own: Arc<str> = message.message_id.unwrap_or_default().into();
    let given = |name| {
        Some(Arc::from(
            message
                .message_attributes
                .as_ref()?
                .get(name)?
                .string_value()?,
        ))
    };
    let id = given(ID).unwrap_or_else(|| Arc::clone(&own));
    let group = message.attributes.as_ref();
    let group = group.and_then(|all| all.get(&Attribute::MessageGroupId));
    let group = group.map(|group| Arc::from(&**group));
    // Not SQS's own number for a message that its sender has named: a sender whose answer was cut off sends it once more,
    // and SQS keeps both.
    let number = given(DEDUP).or_else(|| given(ID)).unwrap_or(own);
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    let received = Received::new(id, receipt, message.body.unwrap_or_default());
    let texts = message.message_attributes.iter().flatten();
    let texts = texts.filter_map(|(name, value)| Some((name.as_str(), value.string_value()?)));
    let attributes = texts.filter(|(name, _)| ![ID, DEDUP].contains(name));
    let received = received.attributes(attributes.collect());
    let mut received = received.seen(count, sent).number(number);
    received.group = group;
    Some(received)
}
