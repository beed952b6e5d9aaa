//! What became no row, and how the same thing is known again.

use std::fmt::Write as _;

use brigade::source::{Line, LineError, LineErrorKind};
use brigade::{Cause, Failure, Origin};
use sha2::{Digest, Sha256};

/// A rejected line is kept up to this many bytes.
const KEPT: usize = 64 * 1024;

/// Something that was read and is not a row: a line, or an input that could not be read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// The same for the same content, wherever and whenever it is met; with its place where not all of it is at hand.
    pub key: String,
    pub origin: Option<Origin>,
    pub stage: String,
    pub why: String,
    /// The line's bytes, or what came of them; `None` where the line is not at hand.
    pub raw: Option<Vec<u8>>,
    /// Whether it is a whole input, and not a line.
    pub is_input: bool,
}

impl From<&Failure<Line>> for Reject {
    fn from(failure: &Failure<Line>) -> Self {
        let why = failure.cause().to_string();
        let (task, origin) = (failure.task().cloned(), failure.origin().cloned());
        let line_error = match failure.cause() {
            Cause::Error(error) => error.downcast_ref::<LineError>(),
            _ => None,
        };
        let (key, origin, raw) = match (task, line_error) {
            (Some(line), _) => {
                let origin = line.place();
                let bytes = line.text.into_bytes();
                (key(&[&bytes]), Some(origin), Some(bytes))
            }
            (None, Some(error)) => {
                let bytes = match error.kind {
                    // The peer was gone in the middle of a character.
                    LineErrorKind::CutOff => whole_characters(error.bytes.clone()),
                    _ => error.bytes.clone(),
                };
                (key_of_part(error, origin.as_ref()), origin, Some(bytes))
            }
            (None, None) => {
                let name = origin.as_ref().map_or("", |origin| &origin.name);
                (key(&[name.as_bytes(), why.as_bytes()]), origin, None)
            }
        };
        Self {
            key,
            stage: failure.stage().path.to_string(),
            is_input: raw.is_none() && origin.is_some(),
            origin,
            why,
            raw: raw.map(kept),
        }
    }
}

/// As much of a line as is kept.
fn kept(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.len() <= KEPT {
        return bytes;
    }
    bytes.truncate(KEPT);
    whole_characters(bytes)
}

/// Without the part of a character at its end, which would make a text none.
fn whole_characters(mut bytes: Vec<u8>) -> Vec<u8> {
    if let Err(error) = std::str::from_utf8(&bytes)
        && error.error_len().is_none()
    {
        bytes.truncate(error.valid_up_to());
    }
    bytes
}

/// Of a line that is too long only the start is at hand, which other lines may share: its place tells them apart.
fn key_of_part(error: &LineError, origin: Option<&Origin>) -> String {
    match (error.kind, origin) {
        (LineErrorKind::TooLong(_), Some(origin)) => {
            let offset = origin.offset.unwrap_or_default();
            key(&[
                &error.bytes,
                b"\n",
                origin.name.as_bytes(),
                &offset.to_le_bytes(),
            ])
        }
        _ => key(&[&error.bytes]),
    }
}

/// A hash that is the same on every machine and with every version.
fn key(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize()
        .iter()
        .take(16)
        .fold(String::new(), |mut key, byte| {
            // Writing to a string cannot fail.
            let _ = write!(key, "{byte:02x}");
            key
        })
}

#[cfg(test)]
mod tests {
    use brigade::source::{Line, LineError, LineErrorKind};
    use brigade::{BoxError, Cause, Failure, Origin, StageInfo};

    use super::{KEPT, Reject};

    fn reject(cause: impl Into<BoxError>, origin: Option<Origin>, task: Option<Line>) -> Reject {
        let stage = StageInfo::new("post");
        let mut failure = Failure::new(stage, Cause::Error(cause.into()));
        if let Some(origin) = origin {
            failure = failure.with_origin(origin);
        }
        if let Some(task) = task {
            failure = failure.with_task(task);
        }
        Reject::from(&failure)
    }

    #[expect(clippy::unnecessary_wraps, reason = "as a failure carries it")]
    fn line(text: &str, origin: &str, number: u64) -> Option<Line> {
        Some(Line {
            text: text.into(),
            origin: origin.into(),
            number,
            offset: 10 * number,
        })
    }

    fn part(kind: LineErrorKind, bytes: &[u8], origin: &str, offset: u64) -> Reject {
        let error = LineError::new(kind, bytes.to_vec());
        reject(error, Some(Origin::new(origin).at(1, offset)), None)
    }

    #[test]
    fn a_line_is_known_by_its_content_wherever_it_is() {
        let here = reject("no id", None, line("{}", "a", 1));
        let there = reject("no id", None, line("{}", "b", 2));
        assert_eq!(here.key, there.key);
        assert_eq!(
            (here.origin, there.origin),
            (
                Some(Origin::new("a").at(1, 10)),
                Some(Origin::new("b").at(2, 20))
            )
        );
        assert_eq!(here.raw.as_deref(), Some(&b"{}"[..]));
        assert_ne!(here.key, reject("no id", None, line("[]", "a", 1)).key);
    }

    #[test]
    fn a_line_that_is_not_text_is_known_by_its_bytes() {
        let kind = LineErrorKind::NotUtf8(0);
        let here = part(kind, b"\xff", "a", 0);
        assert_eq!(here.key, part(kind, b"\xff", "b", 7).key);
        assert!(!here.is_input);
    }

    #[test]
    fn of_lines_that_are_too_long_the_place_tells_apart_what_starts_alike() {
        let kind = LineErrorKind::TooLong(256);
        assert_eq!(part(kind, b"{", "a", 0).key, part(kind, b"{", "a", 0).key);
        assert_ne!(part(kind, b"{", "a", 0).key, part(kind, b"{", "b", 0).key);
        assert_ne!(part(kind, b"{", "a", 0).key, part(kind, b"{", "a", 9).key);
    }

    #[test]
    fn an_input_is_known_by_its_name_and_what_is_wrong_with_it() {
        let input = |name, why| reject(why, Some(Origin::new(name)), None);
        let here = input("a", "missing");
        assert!(here.is_input && here.raw.is_none());
        assert_eq!(here.key, input("a", "missing").key);
        assert_ne!(here.key, input("b", "missing").key);
        assert_ne!(here.key, input("a", "denied").key);
    }

    #[test]
    fn what_is_kept_ends_with_a_whole_character() {
        let long = format!("x{}", "é".repeat(KEPT));
        let kept = reject("?", None, line(&long, "a", 1)).raw.unwrap();
        assert_eq!(kept.len(), KEPT - 1);
        assert!(String::from_utf8(kept).is_ok());
        let cut_off = part(LineErrorKind::CutOff, b"caf\xC3", "a", 0);
        assert_eq!(cut_off.raw.as_deref(), Some(&b"caf"[..]));
        let not_text = part(LineErrorKind::NotUtf8(3), b"caf\xC3", "a", 0);
        assert_eq!(not_text.raw.as_deref(), Some(&b"caf\xC3"[..]));
    }

    #[test]
    fn of_a_line_without_end_only_the_start_is_kept() {
        let long = "x".repeat(1_000_000);
        let kept = reject("?", None, line(&long, "a", 1))
            .raw
            .map(|raw| raw.len());
        assert_eq!(kept, Some(64 * 1024));
    }
}
