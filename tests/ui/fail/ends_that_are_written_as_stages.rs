use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [0..10u64]
        map(|x| x + 1),
        sink::each(|_x| ()),
    };
    let _ = pipeline! {
        [0..10u64]
        map(|x| x + 1),
        collect(),
    };
}
