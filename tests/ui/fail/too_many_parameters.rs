use brigade::prelude::*;

fn add(a: u64, b: u64) -> u64 {
    a + b
}

fn main() {
    let _ = pipeline! {
        [0..10u64]
        map(add),
        map(|a, b| a + b),
    };
}
