use brigade::prelude::*;

fn double(x: u64) -> u64 {
    x * 2
}

fn main() {
    let _ = pipeline! {
        [0..10u64]
        map(double)?,
        map(|x| Some(x))?,
    };
}
