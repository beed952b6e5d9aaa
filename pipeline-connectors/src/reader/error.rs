//! Why an input could not be read, or not to its end.

use std::io;

use super::foreign::Format;
use crate::descriptors;

/// An input that could not be read, or not to its end; the cause of a source's failure, to be had back with
/// `downcast_ref`. The failure's origin names the input and how far it was read.
#[derive(Debug, thiserror::Error)]
#[error("{kind}")]
#[non_exhaustive]
pub struct ReadError {
    /// What is wrong with it.
    pub kind: ReadErrorKind,
    /// What the system or the decoder said.
    pub error: io::Error,
}

/// What is wrong with an input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadErrorKind {
    /// There is nothing of this name.
    #[error("there is no such file; check the path")]
    Missing,
    /// It may not be read.
    #[error(
        "the file may not be read (permission denied); change its permissions or run as its owner"
    )]
    Denied,
    /// It is a directory.
    #[error("this is a directory; name the files in it")]
    Directory,
    /// The system has no file descriptors left.
    #[error("{advice}", advice = descriptors::ADVICE)]
    NoDescriptors,
    /// It holds no lines: an archive of files, a compression that is not known, text in another encoding.
    #[error("this is {what}, not lines; {advice}")]
    NotLines {
        /// What it is.
        what: &'static str,
        /// What to do with it.
        advice: &'static str,
    },
    /// It became shorter while it was read: what it held is not read to its end.
    #[error(
        "the file was cut shorter while it was read, after {read} decompressed bytes, in the middle of this line; read a copy that nobody changes"
    )]
    Shrunk {
        /// Decompressed bytes before.
        read: u64,
    },
    /// Its decoder needs more memory than it may use.
    #[error(
        "the {codec} archive needs {needed} bytes of memory to be decompressed, and {}",
        memory_advice(*allowed)
    )]
    Memory {
        /// The compression.
        codec: &'static str,
        /// How many bytes it needs.
        needed: u64,
        /// How many it may use; `None` if it may, but the system has not so many.
        allowed: Option<u64>,
    },
    /// It could not be opened or read, after `read` decompressed bytes; the system's reason is in `said`.
    #[error("cannot be read after {read} bytes ({said}); try again, or check the disk")]
    Unreadable {
        /// Decompressed bytes before.
        read: u64,
        /// The system's words.
        said: String,
    },
    /// An archive ends before its end.
    #[error(
        "the {codec} archive is truncated: it breaks off after {read} decompressed bytes, in the middle of this line; fetch it again"
    )]
    Truncated {
        /// The compression.
        codec: &'static str,
        /// Decompressed bytes before.
        read: u64,
    },
    /// An archive holds what its decoder does not understand.
    #[error(
        "the {codec} archive is corrupt after {read} decompressed bytes ({said}); the rest of it is not read; fetch it again"
    )]
    Corrupt {
        /// The compression.
        codec: &'static str,
        /// Decompressed bytes before.
        read: u64,
        /// The decoder's words.
        said: String,
    },
}

fn memory_advice(allowed: Option<u64>) -> String {
    match allowed {
        Some(allowed) => {
            format!("may use {allowed}; raise `decoder_memory`, or compress it with less")
        }
        None => "the system has not so many; free some, or compress it with less".to_owned(),
    }
}

/// Why a reader goes no further, though nothing is damaged: what its `io::Error` carries.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("{self:?}")]
pub(super) enum Refused {
    Foreign(&'static Format),
    Shrunk,
    Memory { needed: u64, allowed: Option<u64> },
}

impl From<Refused> for io::Error {
    fn from(refused: Refused) -> Self {
        Self::other(refused)
    }
}

impl Refused {
    /// What it means for an input of this compression, of which so many bytes were read.
    pub(super) fn kind(self, codec: Option<&'static str>, read: u64) -> ReadErrorKind {
        match self {
            Self::Foreign(&Format { what, advice }) => ReadErrorKind::NotLines { what, advice },
            Self::Shrunk => ReadErrorKind::Shrunk { read },
            Self::Memory { needed, allowed } => ReadErrorKind::Memory {
                codec: codec.unwrap_or_default(),
                needed,
                allowed,
            },
        }
    }
}
