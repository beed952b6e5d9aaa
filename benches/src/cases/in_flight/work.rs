//! What the futures do, and what must come of it.

use std::future::{Future, ready};
use std::time::Duration;

/// An async function.
pub(super) trait Work: 'static {
    /// For a heading.
    const TITLE: &'static str;

    /// Returns the number plus one, in the end.
    fn run(number: u64) -> impl Future<Output = u64> + Send;
}

/// Sleeps for a millisecond.
pub(super) struct Sleep;

impl Work for Sleep {
    const TITLE: &'static str = "1 ms of sleep";

    async fn run(number: u64) -> u64 {
        tokio::time::sleep(Duration::from_millis(1)).await;
        number + 1
    }
}

/// Has nothing to wait for.
pub(super) struct Ready;

impl Work for Ready {
    const TITLE: &'static str = "ready at once";

    fn run(number: u64) -> impl Future<Output = u64> + Send {
        ready(number + 1)
    }
}

/// Waits once, for its next turn.
pub(super) struct Yield;

impl Work for Yield {
    const TITLE: &'static str = "one yield";

    async fn run(number: u64) -> u64 {
        tokio::task::yield_now().await;
        number + 1
    }
}

/// Results of `0..items`, which must all be there.
#[derive(Clone, Copy)]
pub(super) struct Expected {
    pub(super) items: u64,
    count: u64,
    sum: u64,
}

impl Expected {
    /// The results of so many items.
    pub(super) fn of(items: u64) -> Self {
        Self {
            items,
            count: 0,
            sum: 0,
        }
    }

    /// The next result, where they come in the order of the items.
    #[inline]
    pub(super) fn in_order(&mut self, result: u64) {
        assert_eq!(result, self.count + 1, "out of order");
        self.any(result);
    }

    /// A result.
    #[inline]
    pub(super) fn any(&mut self, result: u64) {
        self.count += 1;
        self.sum += result;
    }

    /// After the last one.
    pub(super) fn end(self) {
        assert_eq!(self.count, self.items, "results are missing");
        assert_eq!(self.sum, self.items * (self.items + 1) / 2, "wrong results");
    }
}
