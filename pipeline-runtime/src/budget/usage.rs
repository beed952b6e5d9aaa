//! What a budget was used for.

use std::time::Duration;

use serde::Serialize;

/// What a [`Budget`](crate::Budget) was used for: [`Budget::usage`](crate::Budget::usage).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Usage {
    /// How many bytes there are.
    pub bytes: u64,
    /// How many are held now.
    pub held: u64,
    /// The most that were held at the same time.
    pub peak: u64,
    /// How often an input had to wait.
    pub waits: u64,
    /// For how long inputs have waited, all together.
    pub waited: Duration,
}
