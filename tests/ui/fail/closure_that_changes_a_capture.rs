use brigade::prelude::*;

fn main() {
    let mut seen = 0;
    let _ = pipeline! {
        [0..10u64]
        tap(|x| seen += *x),
    };
}
