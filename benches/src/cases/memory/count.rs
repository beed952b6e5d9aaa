//! Items that are counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use crate::case::Sample;

/// How long the consumer takes for an item: longer than all that is done to it before.
const SLOW: Duration = Duration::from_nanos(250);

/// What left the source and has not come to the consumer.
#[derive(Clone, Default)]
pub(super) struct Held(Arc<Counts>);

#[derive(Default)]
struct Counts {
    made: AtomicU64,
    used: AtomicU64,
    most: AtomicU64,
}

impl Held {
    /// The items of a source; each is counted when it is made.
    pub(super) fn items(&self, count: u64) -> impl Iterator<Item = Box<[u8; 100]>> + Send + use<> {
        let counts = Arc::clone(&self.0);
        (0..count).map(move |number| {
            let made = counts.made.fetch_add(1, SeqCst) + 1;
            counts
                .most
                .fetch_max(made - counts.used.load(SeqCst), SeqCst);
            Box::new([(number % 251) as u8; 100])
        })
    }

    /// An item has come to the consumer, who is slow.
    pub(super) fn used(&self, item: Box<[u8; 100]>) {
        let number = self.0.used.fetch_add(1, SeqCst);
        assert_eq!(u64::from(item[0]), number % 251, "out of order");
        drop(item);
        let begin = Instant::now();
        while begin.elapsed() < SLOW {
            std::hint::spin_loop();
        }
    }

    /// After the last one.
    pub(super) fn end(&self, items: u64) {
        let counts = &*self.0;
        assert_eq!(counts.made.load(SeqCst), items, "not all were made");
        assert_eq!(counts.used.load(SeqCst), items, "not all have come");
    }

    /// What was held at most, and how much of the bound that is.
    pub(super) fn sample(&self, printed: usize) -> Sample {
        let held = self.0.most.load(SeqCst) as f64;
        Sample::new()
            .with("share", held / printed as f64)
            .with("held", held)
            .with("printed", printed as f64)
    }
}
