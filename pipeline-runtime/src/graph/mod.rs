//! What is wired, before it runs: groups of stages, the arrows between them, and where the next stage goes on.

mod bound;
mod branches;
mod build;
mod checks;
mod crew;
mod group;
mod lanes;
mod opts;
mod port;
mod state;
mod tees;
#[cfg(test)]
mod tests;
mod timing;

pub(crate) use self::bound::{Bounded, Unbuffered};
pub use self::branches::{Back, Branches, ComesBack, ordered, unordered};
pub(crate) use self::build::{Build, Graph, Listing};
pub(crate) use self::crew::{Crew, Ended, Permit, Resize};
pub(crate) use self::group::{Arrow, Group, Growth, PullTime};
pub(crate) use self::opts::Kind;
pub use self::opts::Opts;
pub use self::port::Port;
pub(crate) use self::state::Keeps;
pub use self::state::StateBound;
pub use self::tees::{lossy, tee};
pub(crate) use self::timing::Timing;
