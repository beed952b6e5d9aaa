//! What `files` and `stdin` share: a thread that reads and decompresses, and the source it feeds.

mod codec;
mod error;
mod feed;
mod foreign;
mod input;
mod lookahead;
mod members;
mod patient;
mod stats;
mod thread;
mod xz;
mod zst;

pub use error::{ReadError, ReadErrorKind};
pub(crate) use feed::Feed;
pub(crate) use input::Input;
pub use stats::{ReadSnapshot, ReadStats};

/// How much memory a decoder may use, in bytes, where nothing else is said: 2 GiB, the largest window of zstd.
pub const DECODER_MEMORY: u64 = 2 << 30;
