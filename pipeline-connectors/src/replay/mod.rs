//! Dead letters on their way back to a queue, whatever they are kept in.

mod done;
mod error;
mod none;
mod only;
mod run;
mod store;

pub use done::{Replayed, Unsent};
pub use error::{LettersError, ReplayError};
pub use none::NoJournal;
pub(crate) use only::Only;
pub use run::Replay;
pub use store::LetterStore;
pub(crate) use store::sealed::Sealed;
