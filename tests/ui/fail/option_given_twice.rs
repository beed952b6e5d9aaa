use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [0..10u64]
        :block 2 map(|x| x + 1) with { buffer: 8, buffer: 16 },
    };
}
