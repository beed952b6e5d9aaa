use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [[1.5, 2.5]]
        batch(10) with { by: |x| *x, groups: 10 },
    };
}
