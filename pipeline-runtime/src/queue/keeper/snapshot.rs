//! What a keeper counts.

use serde::Serialize;

/// What [`DeliveryStats::snapshot`](crate::queue::DeliveryStats::snapshot) shows: `received = acked + nacked + dead +
/// in_flight`, whenever it is taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DeliverySnapshot {
    /// Deliveries that the queue has handed out.
    pub received: u64,
    /// Those that were acknowledged.
    pub acked: u64,
    /// Those that were given back, or whose lease was lost: their messages are delivered again.
    pub nacked: u64,
    /// Those that were acknowledged after a dead letter had been written.
    pub dead: u64,
    /// Those that wait, or are worked on, or of which the queue has not heard yet what became of them.
    pub in_flight: u64,
    /// Of `nacked`: those whose lease ended, or of which another delivery had come further, before the queue heard what
    /// became of them. What was still to be done of them is not done here; one that was done may be delivered again.
    pub lost: u64,
    /// How often the queue was told again what became of some deliveries, since it had not taken it the first time.
    pub retries: u64,
}

impl DeliverySnapshot {
    /// One that was in flight is lost.
    pub(super) fn lose(&mut self) {
        self.in_flight -= 1;
        self.nacked += 1;
        self.lost += 1;
    }
}
