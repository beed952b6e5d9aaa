use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [0..10u64]
        fliter(|x| *x > 3),
        mpa(|x| x + 1),
    };
}
