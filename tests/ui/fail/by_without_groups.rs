use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [0..3u64]
        batch(10) with { by: |x| x % 2 },
    };
}
