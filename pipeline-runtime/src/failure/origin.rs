//! Where an item comes from, and what goes wrong there.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::chain::BoxError;
use crate::guard::{self, Shown};
use crate::ticket::{Ticket, Undecided};

/// An error that ends a source, or the failure of one item of it. Its `Display` is that of what went wrong.
#[derive(Debug)]
pub struct SourceError {
    error: BoxError,
    origin: Option<Origin>,
    /// Of the message that it is about, if there is one to be decided about.
    ticket: Undecided,
}

impl SourceError {
    /// An error without a place.
    pub fn new(error: impl Into<BoxError>) -> Self {
        Self {
            error: error.into(),
            origin: None,
            ticket: Undecided::null(),
        }
    }

    /// The failure of this message.
    pub(crate) fn of_message(error: BoxError, ticket: Ticket) -> Self {
        Self {
            ticket: ticket.into(),
            ..Self::new(error)
        }
    }

    /// The same with a place.
    #[must_use]
    pub fn at(mut self, origin: Origin) -> Self {
        self.origin = Some(origin);
        self
    }

    /// What went wrong.
    #[must_use]
    pub fn error(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.error
    }

    /// Where, if known.
    #[must_use]
    pub fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }

    /// What went wrong, by value.
    #[must_use]
    pub fn into_error(self) -> BoxError {
        self.error
    }

    /// What went wrong, where, and with which message.
    pub(crate) fn into_parts(self) -> (BoxError, Option<Origin>, Undecided) {
        (self.error, self.origin, self.ticket)
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown(&self.error).fmt(f)
    }
}

impl Error for SourceError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        guard::source(&*self.error)
    }
}

/// Where an item comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct Origin {
    /// A file's path or a peer's address.
    pub name: Arc<str>,
    /// The line, from 1, where the input has lines.
    pub line: Option<u64>,
    /// The offset of the first byte, from 0, in the decompressed input.
    pub offset: Option<u64>,
}

impl Origin {
    /// An origin with a name only.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            line: None,
            offset: None,
        }
    }

    /// The same with a line number, from 1, and the offset of its first byte.
    #[must_use]
    pub fn at(mut self, line: u64, offset: u64) -> Self {
        self.line = Some(line);
        self.offset = Some(offset);
        self
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(offset) = self.offset {
            write!(f, " (byte {offset})")?;
        }
        Ok(())
    }
}
