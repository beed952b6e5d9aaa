//! The item of every source of lines.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::failure::Origin;

/// One line of text, without its line end, and where it was.
///
/// Derefs to its text, so that `fn parse(line: &str)` takes a `&Line`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Line {
    /// The text, without `\n` or `\r\n`.
    pub text: String,
    /// The file's path or the peer's address.
    pub origin: Arc<str>,
    /// The line's number in its origin, from 1; empty lines count.
    pub number: u64,
    /// The offset of its first byte in the decompressed origin, from 0.
    pub offset: u64,
}

impl Line {
    /// Where the line was, for a message.
    #[must_use]
    pub fn place(&self) -> Origin {
        Origin::new(Arc::clone(&self.origin)).at(self.number, self.offset)
    }
}

impl Deref for Line {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl AsRef<str> for Line {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
