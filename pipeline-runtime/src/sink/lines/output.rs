//! Lines on their way into a writer.

use std::fmt::{Display, Write as _};
use std::io::{self, ErrorKind as Io, Write};

use crate::guard;
use crate::place::ErrorKind;
use crate::sink::{SinkError, Written};

/// A file or a writer could not be written. Its source is the [`io::Error`].
#[derive(Debug, thiserror::Error)]
#[error("{place}: {error}")]
pub struct LinesError {
    place: String,
    #[source]
    error: io::Error,
}

impl LinesError {
    /// What the system, or the writer, said.
    #[must_use]
    pub fn io(&self) -> &io::Error {
        &self.error
    }

    fn kind(&self) -> ErrorKind {
        match self.error.kind() {
            Io::StorageFull
            | Io::QuotaExceeded
            | Io::WouldBlock
            | Io::TimedOut
            | Io::Interrupted
            | Io::ResourceBusy => ErrorKind::Away,
            // Descriptors: the process, or the system, has none left.
            _ if matches!(self.error.raw_os_error(), Some(23 | 24)) => ErrorKind::Away,
            _ => ErrorKind::Closed,
        }
    }
}

pub(super) fn failed<T>(error: LinesError) -> SinkError<T> {
    SinkError::new(error.kind(), error)
}

/// A writer, and what it has not taken yet.
#[derive(Debug)]
pub(super) struct Output<W> {
    writer: W,
    place: String,
    /// The text of one write.
    text: String,
    /// The rest of a line of which the writer has taken a part: it goes before anything else.
    rest: Vec<u8>,
}

impl<W> Output<W> {
    pub(super) fn new(writer: W, place: String) -> Self {
        Self {
            writer,
            place,
            text: String::new(),
            rest: Vec::new(),
        }
    }

    pub(super) fn writer(&mut self) -> &mut W {
        &mut self.writer
    }

    /// Adds the item's line to the text, or says why it is none.
    fn add(&mut self, item: &impl Display) -> Result<(), Refused> {
        let start = self.text.len();
        let shown = guard::call(|| write!(self.text, "{item}"));
        let refused = match shown {
            Ok(Ok(())) if !self.text[start..].contains('\n') => {
                self.text.push('\n');
                return Ok(());
            }
            Ok(Ok(())) => Refused::LineFeed,
            Ok(Err(_)) => Refused::Display,
            Err(panicked) => Refused::Panic(panicked),
        };
        self.text.truncate(start);
        Err(refused)
    }
}

/// Why an item is no line.
enum Refused {
    LineFeed,
    Display,
    Panic(guard::Panicked),
}

impl<W: Write> Output<W> {
    /// Writes a line for each item; what is not written comes back.
    pub(super) fn write<T: Display>(&mut self, items: Vec<T>) -> Result<Written, SinkError<T>> {
        let mut written = Written::all();
        let mut ends = Vec::with_capacity(items.len());
        self.text.clear();
        for (index, item) in items.iter().enumerate() {
            match self.add(item) {
                Ok(()) => {}
                Err(Refused::LineFeed) => {
                    written.fail(index, "it contains a line feed, and would be two lines");
                }
                Err(Refused::Display) => written.fail(index, "its `Display` failed"),
                Err(Refused::Panic(panicked)) => written.panicked(index, panicked),
            }
            ends.push(self.text.len());
        }
        let text = std::mem::take(&mut self.text);
        let (taken, result) = self.put(text.as_bytes());
        self.text = text;
        let Err(error) = result else {
            guard::let_go_of(items);
            return Ok(written);
        };
        let mut items = items;
        let left = items.split_off(self.whole_lines(taken, &ends));
        guard::let_go_of(items);
        Err(failed(error).with_written(written).with_items(left))
    }

    /// Of how many lines the first `taken` bytes of the text are. One of which only a part is written counts: its rest
    /// waits for the next write.
    fn whole_lines(&mut self, taken: usize, ends: &[usize]) -> usize {
        let whole = ends.partition_point(|&end| end <= taken);
        let begun = whole.checked_sub(1).map_or(0, |last| ends[last]) < taken;
        if begun {
            self.rest.extend(&self.text.as_bytes()[taken..ends[whole]]);
        }
        whole + usize::from(begun)
    }

    /// What waits is written, and the writer flushed.
    pub(super) fn flush(&mut self) -> Result<(), LinesError> {
        self.put_rest()?;
        self.asked(|writer| writer.flush())
    }

    fn put_rest(&mut self) -> Result<(), LinesError> {
        let rest = std::mem::take(&mut self.rest);
        let (taken, result) = self.put_bytes(&rest);
        self.rest.extend(&rest[taken..]);
        result
    }

    /// Writes what waits and then the bytes: how many of these the writer has taken.
    fn put(&mut self, bytes: &[u8]) -> (usize, Result<(), LinesError>) {
        match self.put_rest() {
            Ok(()) => self.put_bytes(bytes),
            Err(error) => (0, Err(error)),
        }
    }

    fn put_bytes(&mut self, bytes: &[u8]) -> (usize, Result<(), LinesError>) {
        let mut taken = 0;
        while taken < bytes.len() {
            match self.asked(|writer| writer.write(&bytes[taken..])) {
                Ok(0) => {
                    let error = self.error(Io::WriteZero.into());
                    return (taken, Err(error));
                }
                Ok(more) => taken += more.min(bytes.len() - taken),
                Err(error) if error.io().kind() == Io::Interrupted => {}
                Err(error) => return (taken, Err(error)),
            }
        }
        (taken, Ok(()))
    }

    fn asked<R>(&mut self, ask: impl FnOnce(&mut W) -> io::Result<R>) -> Result<R, LinesError> {
        let writer = &mut self.writer;
        let asked =
            guard::call(|| ask(writer)).unwrap_or_else(|panicked| Err(io::Error::other(panicked)));
        asked.map_err(|error| self.error(error))
    }

    fn error(&self, error: io::Error) -> LinesError {
        LinesError {
            place: self.place.clone(),
            error,
        }
    }
}
