use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [0..10u64]
        map(|x| x + 1) with { buffer: 8 },
        map(|x| x + 1) with { window: 8, pool },
        batch(10) with { unordered },
    };
}
