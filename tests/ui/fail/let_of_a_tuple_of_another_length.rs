use brigade::prelude::*;

fn split(n: &u64) -> (u64, u64, u64) {
    (*n, 1, 2)
}

fn main() {
    let _ = pipeline! {
        [0..10u64]
        push_task(original),
        let (half, rest) = split(original),
        map(|m| m.half),
    };
}
