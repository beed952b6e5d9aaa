//! A rate is a value of its own type.

use std::time::Duration;

use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [0..10_u64]
        :async 4 map(async |x| x) with { rate: 100 },
        :drive sink::discard()
    };
    let _ = pipeline! {
        [0..10_u64]
        :async 4 map(async |x| x) with { rate: Duration::from_millis(10) },
        :drive sink::discard()
    };
}
