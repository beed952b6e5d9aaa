use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [0..10u64]
        :drive sink::each(|x| println!("{x}")),
        map(|x| x + 1),
    };
}
