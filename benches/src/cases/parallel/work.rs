//! Arithmetic that takes a known time.

use std::hint::black_box;
use std::ops::Range;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// How much there is to do for an item.
#[derive(Clone, Copy)]
pub(super) struct Job {
    rounds: u64,
    dear: u64,
}

impl Job {
    /// The same for every item.
    pub(super) fn even(cost: Duration) -> Self {
        Self {
            rounds: rounds(cost),
            dear: rounds(cost),
        }
    }

    /// So much for most, and so much for one in a hundred.
    pub(super) fn skewed(most: Duration, few: Duration) -> Self {
        Self {
            rounds: rounds(most),
            dear: rounds(few),
        }
    }

    /// The work of an item.
    pub(super) fn run(self, number: u64) -> u64 {
        calculate(
            number,
            if number % 100 == 37 {
                self.dear
            } else {
                self.rounds
            },
        )
    }

    /// What must come of the first items.
    pub(super) fn expected(self, items: u64) -> Expected {
        let (mut all, mut sum) = (Ordered::default(), 0u64);
        for number in 0..items {
            let item = self.run(number);
            all.item(item);
            sum = sum.wrapping_add(item);
        }
        Expected {
            ordered: all.0,
            sum,
        }
    }

    /// What the sum of these items is.
    pub(super) fn sum(self, numbers: Range<u64>) -> u64 {
        numbers.fold(0, |sum, number| sum.wrapping_add(self.run(number)))
    }
}

/// What must come out.
#[derive(Clone, Copy)]
pub(super) struct Expected {
    ordered: u64,
    sum: u64,
}

impl Expected {
    /// Of a contender without order.
    pub(super) fn sum(self, sum: u64) {
        assert_eq!(sum, self.sum, "results are missing or wrong");
    }
}

/// A digest of results that depends on their order.
#[derive(Default)]
pub(super) struct Ordered(u64);

impl Ordered {
    /// The next result.
    pub(super) fn item(&mut self, item: u64) {
        self.0 = self.0.rotate_left(7) ^ item;
    }

    /// After the last one.
    pub(super) fn end(&self, expected: Expected) {
        assert_eq!(
            self.0, expected.ordered,
            "results are missing, wrong, or out of order"
        );
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
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is a number of rounds"
    )]
    let rounds = (cost.as_secs_f64() / *A_ROUND) as u64;
    rounds
}
