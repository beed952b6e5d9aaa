//! Receipts: SQS's handle of a delivery, and when it was received.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use pipeline_runtime::queue::Receipt;

/// What receipts count from.
static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// A delivery.
pub(super) struct Received<'r> {
    pub(super) handle: &'r str,
    pub(super) ago: Duration,
}

impl<'r> Received<'r> {
    /// The receipt of what was received just now.
    pub(super) fn now(handle: &str) -> Receipt {
        Receipt(format!("{} {handle}", BEGIN.elapsed().as_secs()).into())
    }

    /// A receipt that is none of ours is taken for the handle itself.
    pub(super) fn of(receipt: &'r Receipt) -> Self {
        let parts = receipt.0.split_once(' ');
        let known = parts.and_then(|(secs, handle)| Some((secs.parse().ok()?, handle)));
        match known {
            Some((secs, handle)) => Self {
                handle,
                ago: BEGIN.elapsed().saturating_sub(Duration::from_secs(secs)),
            },
            None => Self {
                handle: &receipt.0,
                ago: Duration::ZERO,
            },
        }
    }
}
