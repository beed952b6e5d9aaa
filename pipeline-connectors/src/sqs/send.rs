//! Sending: requests of ten messages or of as many bytes as SQS takes.

use std::fmt::Write as _;
use std::ops::Range;

use aws_sdk_sqs::types::{MessageAttributeValue, SendMessageBatchRequestEntry as Entry};
use futures::stream::{StreamExt as _, iter};
use pipeline_runtime::queue::{Attributes, Outgoing, QueueError, Unsettled};
use sha2::{Digest as _, Sha256};

use super::error::queue_error;
use super::handle::SqsQueue;
use super::limits::{
    ATTRIBUTES, BYTES, DEDUP, DELAY, ENTRIES, ID, NAME, is_attribute, refused, seconds,
};
use super::settle::{Outcome, REQUESTS, summarise};

pub(super) async fn send(
    queue: &SqsQueue,
    messages: Vec<Outgoing<String>>,
) -> Result<Vec<Unsettled>, QueueError> {
    let fifo = queue.is_fifo();
    let mut refused = Vec::new();
    let mut fit = Vec::with_capacity(messages.len());
    for (index, message) in messages.into_iter().enumerate() {
        match problem(&message, fifo) {
            Some(problem) => refused.push(Unsettled::refused(index, problem)),
            None => fit.push((index, message)),
        }
    }
    if fit.is_empty() {
        return Ok(refused);
    }
    let sizes: Vec<_> = fit.iter().map(|(_, message)| size(message)).collect();
    let parts = parts(&sizes);
    let outcomes = if fifo {
        in_order(queue, parts, &fit).await
    } else {
        let requests: Vec<_> = parts
            .into_iter()
            .map(async |part| (part.clone(), request(queue, &fit[part], false).await))
            .collect();
        iter(requests).buffer_unordered(REQUESTS).collect().await
    };
    let failed = summarise(outcomes)?;
    refused.extend(failed.into_iter().map(|failed| {
        let index = fit[failed.index()].0;
        failed.at(index)
    }));
    refused.sort_by_key(Unsettled::index);
    Ok(refused)
}

/// One request after another, and none after one that failed: what is tried again must not come behind what followed.
async fn in_order(
    queue: &SqsQueue,
    parts: Vec<Range<usize>>,
    messages: &[(usize, Outgoing<String>)],
) -> Vec<(Range<usize>, Outcome)> {
    let mut outcomes = Vec::new();
    let mut failed = false;
    for part in parts {
        let outcome = if failed {
            Err(QueueError::away("a message before it was not sent"))
        } else {
            request(queue, &messages[part.clone()], true).await
        };
        failed |= !matches!(&outcome, Ok(failed) if failed.is_empty());
        outcomes.push((part, outcome));
    }
    outcomes
}

async fn request(queue: &SqsQueue, messages: &[(usize, Outgoing<String>)], fifo: bool) -> Outcome {
    let url = queue.url().await?;
    let entries = messages.iter().enumerate();
    let entries = entries.map(|(n, (_, message))| entry(n, message, fifo));
    let entries = entries.collect::<Result<_, _>>()?;
    let request = queue.client().send_message_batch().queue_url(url);
    let answer = request.set_entries(Some(entries)).send().await;
    Ok(answer.map_err(|error| queue_error(&error))?.failed)
}

fn entry(index: usize, message: &Outgoing<String>, fifo: bool) -> Result<Entry, QueueError> {
    let mut entry = Entry::builder()
        .id(index.to_string())
        .message_body(&message.body);
    for (name, value) in attributes(message) {
        let value = MessageAttributeValue::builder()
            .data_type(TEXT)
            .string_value(value);
        entry = entry.message_attributes(name, value.build().map_err(QueueError::refused)?);
    }
    if fifo {
        // What is not named must differ from all else; the SDK sends the same again when it tries again.
        let random = || format!("{:032x}", fastrand::u128(..));
        let (id, dedup) = (message.id.as_deref(), message.dedup.as_deref());
        let dedup = dedup.or(id).map_or_else(random, name);
        // What is sent again without a group is in the one of its name, and waits for what is left of its first
        // delivery.
        let group = message.group.as_deref().or(id);
        let group = group.map_or_else(|| dedup.clone(), name);
        entry = entry
            .message_deduplication_id(dedup)
            .message_group_id(group);
    } else if !message.delay.is_zero() {
        entry = entry.delay_seconds(seconds(message.delay, DELAY));
    }
    entry.build().map_err(QueueError::refused)
}

/// Why SQS would refuse the message, or store another.
fn problem(message: &Outgoing<String>, fifo: bool) -> Option<String> {
    let size = size(message);
    if message.body.is_empty() {
        return Some("SQS takes no empty body".into());
    }
    if size > BYTES {
        return Some(format!("it has {size} bytes, and SQS takes up to {BYTES}"));
    }
    if message.delay > DELAY {
        let delay = message.delay;
        return Some(format!(
            "it is delayed by {delay:?}, and SQS delays by up to {DELAY:?}"
        ));
    }
    if fifo && !message.delay.is_zero() {
        return Some("a FIFO queue delays no single message".into());
    }
    if message.expires.is_some() {
        return Some(
            "it expires, and SQS forgets messages by the retention of their queue only".into(),
        );
    }
    if message.id.as_deref() == Some("") {
        return Some("its id is empty".into());
    }
    if let Some(why) = own_attributes(message) {
        return Some(why);
    }
    let character = attributes(message).find_map(|(_, value)| refused(value));
    let character = refused(&message.body).or(character)?;
    Some(format!(
        "it has the character {character:?}, which SQS would replace; encode the body"
    ))
}

/// What SQS counts.
fn size(message: &Outgoing<String>) -> usize {
    message.body.len() + counted(attributes(message))
}

/// The bytes of attributes, with their type.
fn counted<'a>(attributes: impl Iterator<Item = (&'a str, &'a str)>) -> usize {
    let bytes = attributes.map(|(name, value)| name.len() + TEXT.len() + value.len());
    bytes.sum()
}

/// The attributes that tell of a trace.
const TRACE: [&str; 2] = [Attributes::TRACEPARENT, Attributes::TRACESTATE];

/// The type of an attribute.
const TEXT: &str = "String";

/// What travels beside the body. An empty value is refused there, and an empty `dedup` tells nothing. What tells of a trace
/// is left out where there would be too many, or too much: nobody needs it to do the work.
fn attributes(message: &Outgoing<String>) -> impl Iterator<Item = (&str, &str)> {
    let dedup = message.dedup.as_deref().filter(|dedup| !dedup.is_empty());
    let id = message.id.as_deref().map(|id| (ID, id));
    let names = usize::from(id.is_some()) + usize::from(dedup.is_some());
    let all = message.attributes.iter();
    let ours = id.into_iter().chain(dedup.map(|dedup| (DEDUP, dedup)));
    let bytes = message.body.len() + counted(ours.clone().chain(message.attributes.iter()));
    let has_room = names + message.attributes.len() <= ATTRIBUTES && bytes <= BYTES;
    let is_kept = move |name: &str| has_room || !TRACE.contains(&name);
    ours.chain(all.filter(move |(name, _)| is_kept(name)))
}

/// Why SQS would refuse the attributes that the sender has set.
fn own_attributes(message: &Outgoing<String>) -> Option<String> {
    let count = attributes(message).count();
    if count > ATTRIBUTES {
        return Some(format!(
            "it has {count} attributes, with those that carry its name, and SQS takes {ATTRIBUTES}"
        ));
    }
    message.attributes.iter().find_map(|(name, value)| {
        if !is_attribute(name) {
            return Some(format!(
                "its attribute {name:?} has a name that SQS does not take"
            ));
        }
        let why = "has no value, which SQS does not take";
        value
            .is_empty()
            .then(|| format!("its attribute {name:?} {why}"))
    })
}

/// Cuts a batch where a request is full.
fn parts(sizes: &[usize]) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (index, size) in sizes.iter().enumerate() {
        if index - start == ENTRIES || bytes + size > BYTES {
            parts.push(start..index);
            (start, bytes) = (index, 0);
        }
        bytes += size;
    }
    parts.push(start..sizes.len());
    parts
}

/// A group or deduplication id of the characters and the length that SQS allows.
fn name(text: &str) -> String {
    let allowed = |c: char| c.is_ascii_graphic();
    if text.len() <= NAME && !text.is_empty() && text.chars().all(allowed) {
        return text.to_owned();
    }
    Sha256::digest(text)
        .iter()
        .fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_cut_by_count_and_by_size() {
        assert_eq!(parts(&[1; 20]), [0..10, 10..20]);
        assert_eq!(parts(&[1; 21]), [0..10, 10..20, 20..21]);
        assert_eq!(parts(&[BYTES, 1, BYTES - 1, 1]), [0..1, 1..3, 3..4]);
    }

    #[test]
    fn names_that_sqs_would_refuse_become_others_each_its_own() {
        assert_eq!(name("order-1"), "order-1");
        let long = "x".repeat(NAME + 1);
        let names = [name("order 1"), name("order ä"), name(&long), name("")];
        for (n, one) in names.iter().enumerate() {
            assert!(one.len() <= NAME && one.chars().all(|c| c.is_ascii_graphic()));
            assert!(!names[..n].contains(one));
        }
    }

    #[test]
    fn what_sqs_would_refuse_or_change_is_told() {
        let message = |text: &str| Outgoing::new(text.to_owned());
        let told = |message, fifo| problem(&message, fifo).unwrap_or_default();
        assert_eq!(told(message("a\t\r\nä🦀"), true), "");
        assert_eq!(told(message(""), false), "SQS takes no empty body");
        assert_eq!(
            told(message("a\u{0}"), false),
            "it has the character '\\0', which SQS would replace; encode the body"
        );
        assert_eq!(
            told(message(&"x".repeat(BYTES + 1)), false),
            "it has 1048577 bytes, and SQS takes up to 1048576"
        );
        assert_eq!(
            told(message("a").delay(DELAY * 2), false),
            "it is delayed by 1800s, and SQS delays by up to 900s"
        );
        assert_eq!(
            told(message("a").delay(DELAY), true),
            "a FIFO queue delays no single message"
        );
    }

    #[test]
    fn a_trace_for_which_there_is_no_room_is_left_out() {
        let of = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let trace = Attributes::from([(Attributes::TRACEPARENT, of)]);
        let traced = Attributes::TRACEPARENT.len() + TEXT.len() + of.len();
        for (bytes, is_told) in [
            (BYTES - traced, true),
            (BYTES - traced + 1, false),
            (BYTES, false),
        ] {
            let message = Outgoing::new("x".repeat(bytes)).in_trace(&trace);
            assert_eq!(problem(&message, false), None, "{bytes}");
            assert_eq!(attributes(&message).count(), usize::from(is_told));
        }
    }
}
