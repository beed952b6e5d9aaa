//! What `files` and `stdin` share: a thread that reads and decompresses, and the source it feeds.

mod codec;
mod error;
mod feed;
mod input;
mod patient;
mod progress;
mod thread;
mod xz;

pub use error::{ReadError, ReadErrorKind};
pub(crate) use feed::Feed;
pub(crate) use input::Input;
pub use progress::{Progress, ProgressSnapshot};
