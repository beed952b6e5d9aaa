//! Neither a plain stage nor a sink can wait for a rate.

use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [0..10_u64]
        map(|x| x) with { rate: Rate::per_second(10) },
        batch(10) with { rate: Rate::per_second(10) },
        :drive sink::discard() with { rate: Rate::per_second(10) }
    };
}
