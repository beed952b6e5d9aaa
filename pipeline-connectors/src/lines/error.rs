//! Why a line is not an item.

use std::fmt;

/// A line that could not become an item; the cause of a source's failure, to be had back with `downcast_ref`.
///
/// The failure's origin says where the line begins; the lines around it are not touched.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LineError {
    /// What is wrong with it.
    pub kind: LineErrorKind,
    /// The line's bytes, without the line end: whole if it is not UTF-8, what came of it if it was cut off, the
    /// first 256 at most if it is too long.
    pub bytes: Vec<u8>,
}

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LineErrorKind {
    /// It is longer than this many bytes; the rest of it was skipped.
    TooLong(usize),
    /// The byte at this position in it, from 0, does not belong to UTF-8 text.
    NotUtf8(usize),
    /// The peer was gone before the line's end.
    CutOff,
}

impl LineError {
    /// What is wrong with a line, and its bytes as far as they are kept.
    #[must_use]
    pub fn new(kind: LineErrorKind, bytes: Vec<u8>) -> Self {
        Self { kind, bytes }
    }
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            LineErrorKind::TooLong(limit) => write!(
                f,
                "the line is longer than {limit} bytes and was skipped; raise `line_limit` to take it"
            ),
            LineErrorKind::NotUtf8(at) => match self.bytes.get(at) {
                Some(byte) => write!(
                    f,
                    "the line is not UTF-8: byte {byte:#04x} at position {at}; convert the input first"
                ),
                None => write!(
                    f,
                    "the line is not UTF-8 at position {at}; convert the input first"
                ),
            },
            LineErrorKind::CutOff => write!(
                f,
                "the connection ended in the middle of the line, after {} bytes of it; send it again",
                self.bytes.len()
            ),
        }
    }
}

impl std::error::Error for LineError {}
