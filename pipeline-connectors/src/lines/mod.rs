//! What every source of lines shares: splitting, and the bound on the bytes it has read.

mod budget;
mod error;
mod intake;
mod last;
mod splitter;
#[cfg(test)]
mod tests;

pub(crate) use budget::{Budget, Reserved};
pub use error::{LineError, LineErrorKind};
pub(crate) use intake::{Block, Intake};
pub use last::LastLine;
pub(crate) use splitter::Splitter;

/// How long a line may be, in bytes, where nothing else is said: 1 MiB.
pub const LINE_LIMIT: usize = 1 << 20;

/// How many bytes a source may have read that have not yet left the first stage, where nothing else is said: 4 MiB.
pub const BYTE_BOUND: usize = 4 << 20;
