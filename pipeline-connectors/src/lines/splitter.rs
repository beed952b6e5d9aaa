//! Bytes into lines, however the bytes are cut.

use std::sync::Arc;

use memchr::memchr_iter;
use pipeline_runtime::Origin;
use pipeline_runtime::source::{Line, Pulled, SourceError};

use super::{LineError, LineErrorKind};

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// What may stand beside the text in a line's bytes: the beginning of a byte order mark before it and `\r` behind it.
const AROUND: usize = BOM.len() + 1;

/// How much of a line that is too long its error shows at most.
const SHOWN: usize = 256;

/// Splits one input into lines. What it emits does not depend on where the input is cut into pieces.
#[derive(Debug)]
pub(crate) struct Splitter {
    origin: Arc<str>,
    limit: usize,
    /// The number and the offset of the line that has begun.
    number: u64,
    offset: u64,
    /// How many bytes stand before its text: byte order marks, as where files were put together, and zeros, as where a
    /// log was cut shorter under its writer. They are not kept, and may be more than a line may have.
    lead: u64,
    /// What came of it, as far as it is kept.
    part: Vec<u8>,
    /// How many of its bytes were not kept, because it is too long.
    skipped: u64,
}

impl Splitter {
    pub(crate) fn new(origin: Arc<str>, limit: usize) -> Self {
        Self {
            origin,
            limit,
            number: 1,
            offset: 0,
            lead: 0,
            part: Vec::new(),
            skipped: 0,
        }
    }

    /// How many bytes of an unfinished line it keeps.
    pub(crate) fn kept(&self) -> usize {
        self.part.len()
    }

    /// How many bytes of the input it has seen.
    pub(crate) fn seen(&self) -> u64 {
        self.offset + self.lead + self.part.len() as u64 + self.skipped
    }

    /// Where the line that has begun is; only the input's name if nothing has come yet.
    pub(crate) fn reached(&self) -> Origin {
        match self.seen() {
            0 => Origin::new(Arc::clone(&self.origin)),
            _ => self.place(),
        }
    }

    fn place(&self) -> Origin {
        Origin::new(Arc::clone(&self.origin)).at(self.number, self.offset + self.lead)
    }

    /// Takes bytes from the front until `out` holds `full` items and failures. Returns how many it took.
    pub(crate) fn split(&mut self, bytes: &[u8], full: usize, out: &mut Pulled<Line>) -> usize {
        let mut begin = 0;
        for end in memchr_iter(b'\n', bytes) {
            if out.len() >= full {
                return begin;
            }
            self.end_line(&bytes[begin..end], 1, out);
            begin = end + 1;
        }
        if out.len() < full {
            self.keep(&bytes[begin..], out);
            begin = bytes.len();
        }
        begin
    }

    /// The input has ended: what is left is its last line.
    pub(crate) fn finish(&mut self, out: &mut Pulled<Line>) {
        if self.kept() > 0 {
            self.end_line(&[], 0, out);
        }
    }

    /// The input is gone: what came of the line that has begun is not a line.
    pub(crate) fn cut_off(&mut self) -> Option<SourceError> {
        let bytes = std::mem::take(&mut self.part);
        (!bytes.is_empty()).then(|| self.failure(LineErrorKind::CutOff, bytes))
    }

    /// Keeps the beginning of a line, or skips more of one that is too long.
    fn keep(&mut self, bytes: &[u8], out: &mut Pulled<Line>) {
        if self.skipped > 0 {
            self.skipped += bytes.len() as u64;
            return;
        }
        let bytes = self.without_lead(bytes);
        if self.part.len() + bytes.len() > self.limit.saturating_add(AROUND) {
            let length = self.part.len() + bytes.len();
            let mut start = std::mem::take(&mut self.part);
            start.extend_from_slice(&bytes[..bytes.len().min(SHOWN + AROUND)]);
            self.skipped = length as u64;
            self.too_long(&start, out);
        } else {
            self.part.extend_from_slice(bytes);
        }
    }

    /// The line that has begun ends with these bytes and `end` bytes of line end.
    fn end_line(&mut self, rest: &[u8], end: u64, out: &mut Pulled<Line>) {
        let next = self.seen() + rest.len() as u64 + end;
        if self.skipped > 0 {
            self.skipped = 0;
        } else {
            let rest = self.without_lead(rest);
            if self.part.is_empty() {
                self.emit(rest, out);
            } else {
                let mut whole = std::mem::take(&mut self.part);
                whole.extend_from_slice(rest);
                self.emit(&whole, out);
            }
        }
        self.number += 1;
        self.offset = next;
        self.lead = 0;
    }

    fn emit(&mut self, line: &[u8], out: &mut Pulled<Line>) {
        let bytes = text_of(line);
        if bytes.len() > self.limit {
            self.too_long(line, out);
        } else if is_blank(bytes) {
            out.skip(1);
        } else {
            match simdutf8::compat::from_utf8(bytes) {
                Ok(text) => out.push(self.line(text)),
                Err(error) => {
                    let kind = LineErrorKind::NotUtf8(error.valid_up_to());
                    out.fail(self.failure(kind, bytes.to_vec()));
                }
            }
        }
    }

    fn too_long(&mut self, line: &[u8], out: &mut Pulled<Line>) {
        let start = shown(&text_of(line)[..SHOWN.min(self.limit)]).to_vec();
        out.fail(self.failure(LineErrorKind::TooLong(self.limit), start));
    }

    /// More bytes of the line that has begun, without what stands before its text.
    fn without_lead<'a>(&mut self, mut bytes: &'a [u8]) -> &'a [u8] {
        // A byte order mark may be cut in two.
        if let Some(missing) = BOM.strip_prefix(self.part.as_slice())
            && !self.part.is_empty()
            && let Some(rest) = bytes.strip_prefix(missing)
        {
            self.part.clear();
            self.lead += BOM.len() as u64;
            bytes = rest;
        }
        if !self.part.is_empty() {
            return bytes;
        }
        let text = skip_lead(bytes);
        self.lead += (bytes.len() - text.len()) as u64;
        text
    }

    fn line(&self, text: &str) -> Line {
        Line {
            text: text.to_owned(),
            origin: Arc::clone(&self.origin),
            number: self.number,
            offset: self.offset + self.lead,
        }
    }

    fn failure(&self, kind: LineErrorKind, bytes: Vec<u8>) -> SourceError {
        SourceError::new(LineError::new(kind, bytes)).at(self.place())
    }
}

/// Bytes from the first on that is no zero and in no byte order mark.
fn skip_lead(mut bytes: &[u8]) -> &[u8] {
    while let [0 | 0xEF, ..] = bytes {
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        bytes = &bytes[zeros..];
        match bytes.strip_prefix(BOM) {
            Some(rest) => bytes = rest,
            None if zeros == 0 => break,
            None => {}
        }
    }
    bytes
}

/// A line's text: without `\r` behind it.
fn text_of(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Whether there is nothing to be seen. Most lines are told by their first byte.
fn is_blank(text: &[u8]) -> bool {
    text.first().is_none_or(u8::is_ascii_whitespace) && text.trim_ascii().is_empty()
}

/// The beginning of a text, without the part of a character at its end.
fn shown(start: &[u8]) -> &[u8] {
    match std::str::from_utf8(start) {
        Err(error) if error.error_len().is_none() => &start[..error.valid_up_to()],
        _ => start,
    }
}
