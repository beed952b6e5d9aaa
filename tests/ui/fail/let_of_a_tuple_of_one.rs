use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [0..10u64]
        push_task(original),
        let (half) = original / 2,
        let (_, _) = (original, 2),
    };
}
