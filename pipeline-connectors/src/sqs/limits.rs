//! What SQS allows.

use std::time::Duration;

/// Entries of one request.
pub(super) const ENTRIES: usize = 10;
/// Bytes of one message with its attributes, and of all messages of one request.
pub(super) const BYTES: usize = 1024 * 1024;
/// How long a receive may wait for a message.
pub(super) const WAIT: Duration = Duration::from_secs(20);
/// How long a message may be hidden, counted from when it was received.
pub(super) const HIDDEN: Duration = Duration::from_secs(12 * 3600);
/// How long a message may be delayed when it is sent.
pub(super) const DELAY: Duration = Duration::from_secs(15 * 60);
/// Characters of a group or a deduplication id.
pub(super) const NAME: usize = 128;
/// Attributes of one message.
pub(super) const ATTRIBUTES: usize = 10;
/// The attribute that carries a message's name.
pub(super) const ID: &str = "brigade-id";
/// The attribute that carries what tells it from others of its name.
pub(super) const DEDUP: &str = "brigade-dedup";

/// By its name or URL: SQS requires this end of the names of FIFO queues, and refuses it of others.
pub(super) fn is_fifo(queue: &str) -> bool {
    queue.strip_suffix(".fifo").is_some()
}

/// Whether it is the name of an attribute, and none of those that carry something of ours.
pub(super) fn is_attribute(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let is_reserved = lower.starts_with("aws.") || lower.starts_with("amazon.");
    let dots = name.starts_with('.') || name.ends_with('.') || name.contains("..");
    let allowed = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-' | b'.');
    let fits = (1..=256).contains(&name.len()) && name.bytes().all(allowed);
    fits && !dots && !is_reserved && ![ID, DEDUP].contains(&name)
}

/// In whole seconds, rounded up, since nothing may come too soon.
pub(super) fn seconds(time: Duration, most: Duration) -> i32 {
    let time = time.min(most);
    let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    i32::try_from(seconds).unwrap_or(i32::MAX)
}

/// For how many seconds from now a message may be hidden that was received so long ago.
pub(super) fn hidden(time: Duration, received: Duration) -> i32 {
    // Its clock and ours, and the way there.
    const MARGIN: Duration = Duration::from_secs(10);
    seconds(time, HIDDEN.saturating_sub(received + MARGIN))
}

/// The first character that SQS would replace by another.
pub(super) fn refused(text: &str) -> Option<char> {
    text.chars().find(|c| match c {
        '\t' | '\n' | '\r' => false,
        '\u{fffe}' | '\u{ffff}' => true,
        c => *c < ' ',
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_received_long_ago_is_hidden_for_the_rest_of_12_hours_at_most() {
        let (second, hour) = (Duration::from_secs(1), Duration::from_secs(3600));
        assert_eq!(hidden(30 * second, Duration::ZERO), 30);
        assert_eq!(hidden(12 * hour, Duration::ZERO), 12 * 3600 - 10);
        assert_eq!(hidden(Duration::MAX, 11 * hour), 3600 - 10);
        assert_eq!(hidden(30 * second, 11 * hour), 30);
        assert_eq!(hidden(30 * second, 13 * hour), 0);
    }
}
