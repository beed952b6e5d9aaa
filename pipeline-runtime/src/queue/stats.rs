//! What became of the deliveries of one source.

use std::sync::Arc;

use super::keeper::{DeliverySnapshot, Keeper, LastError};

/// Counts the deliveries of one source. Clones show the same.
#[derive(Debug, Clone)]
pub struct DeliveryStats(pub(super) Arc<Keeper>);

impl DeliveryStats {
    /// The counts, all taken at one instant.
    #[must_use]
    pub fn snapshot(&self) -> DeliverySnapshot {
        self.0.snapshot()
    }

    /// Why the queue cannot be received from, while that lasts; what stopped the source, after it has ended for that.
    #[must_use]
    pub fn last_error(&self) -> Option<LastError> {
        self.0.last_error()
    }
}
