use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [0..10u64]
        :block 8 map(|x| x + 1) with { window: 4 },
        :block 8 map(|x| x + 1) with { buffer: 0 },
    };
}
