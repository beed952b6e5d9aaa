use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [0..10u64]
        block 4 map(|x| x + 1),
        drive sink::each(|_x| ()),
    };
}
