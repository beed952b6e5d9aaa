//! Items with keys, what is done with them, and what must come of it.

use std::hash::{BuildHasher as _, RandomState};
use std::hint::black_box;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

/// Futures in flight.
pub(super) const COUNT: usize = 64;

/// Threads, or tasks that calculate.
pub(super) const WORKERS: usize = 2;

/// What may wait in all.
pub(super) const HELD: usize = 4096;

/// How many items there are of which key.
#[derive(Clone, Copy)]
pub(super) enum Keys {
    /// As many of each.
    Even(u64),
    /// The first comes twice as often as the second, three times as often as the third, and so on.
    Zipf(usize),
}

impl Keys {
    /// For a heading.
    pub(super) fn title(self) -> String {
        match self {
            Self::Even(keys) => format!("{keys} keys"),
            Self::Zipf(keys) => format!("{keys} keys, the hottest of a tenth of all items"),
        }
    }

    /// The keys of some items, which come again and again.
    pub(super) fn table(self) -> Arc<[u64]> {
        const ITEMS: usize = 1 << 16;
        let mixed = |number: usize| (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 11;
        match self {
            Self::Even(keys) => (0..ITEMS).map(|number| mixed(number) % keys).collect(),
            Self::Zipf(keys) => {
                let mut sums: Vec<f64> = (1..=keys).map(|rank| 1.0 / rank as f64).collect();
                (1..keys).for_each(|rank| sums[rank] += sums[rank - 1]);
                let whole = sums[keys - 1];
                let key = |number| {
                    let at = mixed(number) as f64 / (1_u64 << 53) as f64 * whole;
                    sums.partition_point(|sum| *sum < at) as u64
                };
                (0..ITEMS).map(key).collect()
            }
        }
    }
}

/// An item: its key and its number.
#[derive(Clone, Copy)]
pub(super) struct Item {
    pub(super) key: u64,
    pub(super) number: u64,
}

/// The items of a contender.
#[expect(
    clippy::cast_possible_truncation,
    reason = "there are far fewer than that"
)]
pub(super) fn items(keys: &Arc<[u64]>, count: u64) -> impl Iterator<Item = Item> + Send + 'static {
    let keys = Arc::clone(keys);
    (0..count).map(move |number| Item {
        key: keys[number as usize % keys.len()],
        number,
    })
}

/// The worker of a key, of so many.
#[expect(
    clippy::cast_possible_truncation,
    reason = "it is less than a number of workers"
)]
pub(super) fn partition(hashing: &RandomState, item: Item, workers: usize) -> usize {
    (hashing.hash_one(item.key) % workers as u64) as usize
}

/// What an item of the asynchronous tables waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Waits {
    /// Its next turn.
    Yield,
    /// A millisecond.
    Sleep,
}

impl Waits {
    /// The work of an item.
    pub(super) async fn run(self, item: Item) -> u64 {
        match self {
            Self::Yield => tokio::task::yield_now().await,
            Self::Sleep => tokio::time::sleep(Duration::from_millis(1)).await,
        }
        item.number + 1
    }
}

/// Arithmetic that takes a known time.
#[derive(Clone, Copy)]
pub(super) struct Job(u64);

impl Job {
    pub(super) fn of(cost: Duration) -> Self {
        Self(rounds(cost))
    }

    /// The work of an item.
    pub(super) fn run(self, item: Item) -> u64 {
        black_box(calculate(item.number, self.0));
        item.number + 1
    }
}

/// Results in any order, of which none may be missing.
#[derive(Default)]
pub(super) struct Results {
    count: u64,
    sum: u64,
}

impl Results {
    #[inline]
    pub(super) fn add(&mut self, result: u64) {
        self.count += 1;
        self.sum += result;
    }

    /// After the last one.
    pub(super) fn end(&self, items: u64) {
        assert_eq!(self.count, items, "results are missing");
        assert_eq!(self.sum, items * (items + 1) / 2, "results are wrong");
    }
}

/// Each round needs the result of the one before, so that no compiler and no processor can do two at a time.
fn calculate(seed: u64, rounds: u64) -> u64 {
    let mut x = seed | 1 << 63;
    for _ in 0..rounds {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
    }
    x
}

/// The rounds that take so long on this machine when nobody else disturbs it.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number of rounds is small and positive"
)]
fn rounds(cost: Duration) -> u64 {
    const ROUNDS: u64 = 1_000_000;
    static A_ROUND: LazyLock<f64> = LazyLock::new(|| {
        let measured = (0..9).map(|seed| {
            let begin = Instant::now();
            black_box(calculate(black_box(seed), black_box(ROUNDS)));
            begin.elapsed().as_secs_f64() / ROUNDS as f64
        });
        measured.fold(f64::INFINITY, f64::min)
    });
    (cost.as_secs_f64() / *A_ROUND) as u64
}
