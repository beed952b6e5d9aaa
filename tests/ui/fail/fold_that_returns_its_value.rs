use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [0..3u32]
        fold(0u32, |sum, x| *sum + x),
    };
}
