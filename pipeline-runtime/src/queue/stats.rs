//! What became of the deliveries of one source.

use std::sync::Arc;

use super::keeper::{DeliverySnapshot, Keeper};

/// Counts the deliveries of one source. Clones show the same.
#[derive(Debug, Clone)]
pub struct DeliveryStats(pub(super) Arc<Keeper>);

impl DeliveryStats {
    /// The counts, all taken at one instant.
    #[must_use]
    pub fn snapshot(&self) -> DeliverySnapshot {
        self.0.snapshot()
    }
}
