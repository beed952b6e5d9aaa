use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [0..10u64]
        :block 2 map(|x: u64| u8::try_from(x)) with { buffer: 8 }?,
    };
}
