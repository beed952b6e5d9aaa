//! What the tests share.

use std::time::Duration;

use brigade::queue::{DeliverySnapshot, DeliveryStats};

/// Longer than anything here takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until the counts are as they should be.
pub(crate) async fn until(stats: &DeliveryStats, holds: impl Fn(&DeliverySnapshot) -> bool) {
    let waiting = async {
        while !holds(&conserved(stats)) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
        panic!("it stays at {:?}", stats.snapshot());
    }
}

/// A snapshot that accounts for every delivery.
pub(crate) fn conserved(stats: &DeliveryStats) -> DeliverySnapshot {
    let counts = stats.snapshot();
    assert_eq!(
        counts.received,
        counts.acked + counts.nacked + counts.dead + counts.in_flight,
        "{counts:?}"
    );
    counts
}
