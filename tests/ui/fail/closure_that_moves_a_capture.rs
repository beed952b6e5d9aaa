use brigade::prelude::*;

fn main() {
    let name = String::from("x");
    let _ = pipeline! {
        [0..10u64]
        map(|x| (x, name)),
    };
}
