use brigade::prelude::*;

fn main() {
    let _ = pipeline! { [] map(|x| x + 1) };
    let _ = pipeline! { [0..10u64, 1, 2] map(|x| x + 1) };
    let _ = pipeline! { [0..10u64], map(|x| x + 1) };
}
