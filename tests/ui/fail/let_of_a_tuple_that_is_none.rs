use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [0..10u64]
        push_task(original),
        let (half, rest) = original / 2,
        map(|m| m.half),
    };
}
