//! Why an input could not be read, or not to its end.

use std::io;

/// An input that could not be read, or not to its end; the cause of a source's failure, to be had back with
/// `downcast_ref`. The failure's origin names the input and how far it was read.
#[derive(Debug, thiserror::Error)]
#[error("{kind}")]
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
