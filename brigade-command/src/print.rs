//! What is printed, for people and for programs.

use std::io::{self, Write as _};
use std::time::{Duration, SystemTime};

use brigade::queue::{DeadLetter, MessageInfo, MessageState, Pause, QueueStats};
use brigade::service::ScheduleInfo;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::failure::Failure;

/// So many characters of a body stand in a table.
const BODY: usize = 60;

pub(crate) fn say(line: impl AsRef<str>) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    Ok(writeln!(out, "{}", line.as_ref())?)
}

pub(crate) fn say_json(value: &Value) -> Result<(), Failure> {
    say(value.to_string())
}

pub(crate) fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// How long ago, or in how long, to two places: `2h 5m`.
pub(crate) fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
    ];
    let first = parts.iter().position(|(count, _)| *count > 0);
    let Some(first) = first else {
        return "0s".into();
    };
    let parts = parts.iter().skip(first).take(2);
    let parts = parts.filter(|(count, _)| *count > 0);
    let parts: Vec<_> = parts
        .map(|(count, unit)| format!("{count}{unit}"))
        .collect();
    parts.join(" ")
}

pub(crate) fn since(time: SystemTime) -> String {
    span(SystemTime::now().duration_since(time).unwrap_or_default())
}

fn until(time: SystemTime) -> String {
    left(time.duration_since(SystemTime::now()).unwrap_or_default())
}

/// What is left of a time, to the second that has begun: 90 s that were asked for just now are `1m 30s`.
pub(crate) fn left(time: Duration) -> String {
    let begun = time.subsec_nanos() > 0;
    span(Duration::from_secs(time.as_secs() + u64::from(begun)))
}

/// As programs and people read it, to the second.
pub(crate) fn stamp(time: SystemTime) -> String {
    let time = Timestamp::try_from(time).unwrap_or_default();
    let second = SignedDuration::from_secs(1).as_nanos();
    let nanos = time.as_nanosecond();
    let whole = Timestamp::from_nanosecond(nanos - nanos.rem_euclid(second));
    whole.unwrap_or(time).to_string()
}

pub(crate) fn state(state: MessageState) -> &'static str {
    match state {
        MessageState::Ready => "ready",
        MessageState::Delayed => "delayed",
        MessageState::Taken => "taken",
        MessageState::Behind => "behind",
        _ => "?",
    }
}

/// What a message waits for, and for how long still.
pub(crate) fn waits(message: &MessageInfo) -> String {
    match message.due {
        Some(due) => format!("{} {}", state(message.state), until(due)),
        None => state(message.state).to_owned(),
    }
}

/// The beginning of a body, as text if it is any.
pub(crate) fn preview(message: &MessageInfo) -> String {
    let text = String::from_utf8_lossy(&message.body);
    let mut preview: String = text.chars().take(BODY).collect();
    if preview.len() < text.len() || (message.body.len() as u64) < message.size {
        preview.push('…');
    }
    preview
}

pub(crate) fn paused(stats: &QueueStats) -> String {
    match stats.paused {
        None => "no".into(),
        Some(Pause::For(time)) => format!("for {}", left(time)),
        Some(Pause::UntilResumed) => "until it is resumed".into(),
    }
}

pub(crate) fn stats_json(name: &str, stats: &QueueStats) -> Value {
    let paused = match stats.paused {
        None => Value::Null,
        Some(Pause::For(left)) => json!({ "seconds": left.as_secs_f64() }),
        Some(Pause::UntilResumed) => json!({ "seconds": null }),
    };
    json!({
        "queue": name, "ready": stats.ready, "delayed": stats.delayed, "taken": stats.taken,
        "behind": stats.behind, "oldest_seconds": stats.oldest.map(|age| age.as_secs_f64()),
        "expired": stats.expired, "paused": paused,
    })
}

/// A body that is text is a string, another a list of numbers.
pub(crate) fn message_json(message: &MessageInfo) -> Value {
    let body = match std::str::from_utf8(&message.body) {
        Ok(text) => json!(text),
        Err(_) => json!(message.body),
    };
    json!({
        "seq": message.seq, "id": message.id, "dedup": message.dedup, "group": message.group,
        "state": state(message.state), "due": message.due.map(stamp), "sent": stamp(message.sent),
        "priority": message.priority, "expires": message.expires.map(stamp),
        "receives": message.receives, "begun": message.begun, "last_error": message.last_error, "attributes": message.attributes,
        "size": message.size, "body": body,
    })
}

/// For how long a holder has it still, and what is not known is `null`.
pub(crate) fn schedule_json(schedule: &ScheduleInfo) -> Value {
    json!({
        "schedule": schedule.name, "last": stamp(schedule.last), "open": schedule.open.map(stamp),
        "holder": schedule.holder, "attempts": schedule.attempts,
        "left_seconds": schedule.left.map(|left| left.as_secs_f64()),
    })
}

/// As the library writes it, with times as people write them.
pub(crate) fn letter_json(letter: &DeadLetter) -> Result<Value, Failure> {
    let mut json = serde_json::to_value(letter).map_err(Failure::of)?;
    json["first_seen"] = json!(stamp(letter.first_seen));
    json["failed_at"] = json!(stamp(letter.failed_at));
    Ok(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_to_two_places() {
        for (seconds, told) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (7_505, "2h 5m"),
            (86_400, "1d"),
            (90_061, "1d 1h"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), told);
        }
        assert_eq!(left(Duration::from_millis(89_999)), "1m 30s");
        assert_eq!(left(Duration::from_secs(90)), "1m 30s");
        assert_eq!(
            stamp(SystemTime::UNIX_EPOCH + Duration::from_millis(1_500)),
            "1970-01-01T00:00:01Z"
        );
    }
}
