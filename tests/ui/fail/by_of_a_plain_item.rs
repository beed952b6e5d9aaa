use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [[(1, "one")]]
        batch(10) with { by: item.0, groups: 10 },
    };
}
