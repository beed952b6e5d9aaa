//! The workers of a group, as who changes their number sees them.

use std::sync::Arc;

/// The workers of a group, whose number can change.
pub(crate) trait Crew: Send + Sync {
    /// Lets `count` items be processed at the same time.
    fn set(self: Arc<Self>, count: usize) -> Result<(), Ended>;
}

/// A group has ended: nobody is there to work more or less.
#[derive(Debug)]
pub(crate) struct Ended;
