//! What the expansion of `pipeline!` calls. Not part of the public interface: it may change in any version.

mod call;
mod check;
mod engine;
mod journal;

pub use call::*;
pub use check::*;
pub use engine::*;
pub use journal::*;

pub use crate::bounds::Never;
pub use crate::graph::Opts;
pub use crate::rate::Rate;
pub use crate::retry::Retry;
/// Called by connectors.
pub use crate::run::patience::{Asking, Patience};
pub use crate::run::paused::{held, held_briefly};
pub use crate::site::{Inlet, Site, StageMeta};
pub use crate::step::{Delay, Entry, Step, failed};
