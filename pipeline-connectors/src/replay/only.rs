//! Which letters.

use std::time::SystemTime;

/// Those to which all of it applies.
#[derive(Debug, Clone, Default)]
pub struct Only {
    pub(crate) ids: Option<Vec<String>>,
    /// The path of the stage, or the end of it.
    pub(crate) stage: Option<String>,
    /// Part of the cause.
    pub(crate) cause: Option<String>,
    /// Given up on by then.
    pub(crate) until: Option<SystemTime>,
    /// Written between these two, by number.
    pub(crate) numbers: Option<(i64, i64)>,
}
