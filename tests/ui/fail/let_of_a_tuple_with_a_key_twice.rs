use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [0..10u64]
        push_task(original),
        let (half, rest, half) = (original / 2, original % 2, 0),
        let (mut third, original) = (original / 3, *original),
    };
}
