use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [0..10u64]
        batch(0),
    };
}
