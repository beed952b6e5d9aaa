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
    /// The same for the same content, wherever and whenever it is met.
    pub key: String,
    pub origin: Option<Origin>,
    pub stage: &'static str,
    pub why: String,
    /// The line's bytes, or what came of them; `None` where the line is not at hand.
    pub raw: Option<Vec<u8>>,
    /// Whether it is a whole input, and not a line.
    pub is_input: bool,
}

impl From<Failure<Line>> for Reject {
    fn from(failure: Failure<Line>) -> Self {
        let why = failure.cause.to_string();
        let line_error = match &failure.cause {
            Cause::Error(error) => error.downcast_ref::<LineError>(),
            _ => None,
        };
        let (key, origin, raw) = match (failure.task, line_error) {
            (Some(line), _) => {
                let origin = line.place();
                let bytes = line.text.into_bytes();
                (key(&[&bytes]), Some(origin), Some(bytes))
            }
            (None, Some(error)) => {
                let bytes = error.bytes.clone();
                (key_of_part(error, failure.origin.as_ref()), failure.origin, Some(bytes))
            }
            (None, None) => {
                let origin = failure.origin.as_ref().map_or("", |origin| &origin.name);
                (key(&[origin.as_bytes(), why.as_bytes()]), failure.origin, None)
            }
        };
        Self {
            key,
            stage: failure.stage.name,
            is_input: raw.is_none() && origin.is_some(),
            origin,
            why,
            raw: raw.map(|mut bytes| {
                bytes.truncate(KEPT);
                bytes
            }),
        }
    }
}

/// Of a line that is too long only the start is at hand, which other lines may share: its offset makes up for that,
/// and is the same if the input comes again by another name or from another port.
fn key_of_part(error: &LineError, origin: Option<&Origin>) -> String {
    let offset = match error.kind {
        LineErrorKind::TooLong(_) => origin.and_then(|origin| origin.offset),
        _ => None,
    };
    match offset {
        Some(offset) => key(&[&error.bytes, &offset.to_le_bytes()]),
        None => key(&[&error.bytes]),
    }
}

/// A hash that is the same on every machine and with every version.
fn key(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().iter().take(16).fold(String::new(), |mut key, byte| {
        // Writing to a string cannot fail.
        let _ = write!(key, "{byte:02x}");
        key
    })
}
