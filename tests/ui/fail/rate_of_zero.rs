//! Calls that would never begin.

use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [0..10_u64]
        :async 4 map(async |x| x) with { rate: Rate::per_second(0) },
        :block 2 map(|x| x) with { rate: brigade::Rate::per_second(10).burst(0) },
        2 map(|x| x) with { rate: Rate::per(10, std::time::Duration::from_secs(1)).each(0).burst(3) },
        :drive sink::discard()
    };
}
