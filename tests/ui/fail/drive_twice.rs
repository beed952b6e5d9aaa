use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [0..10u64]
        map(|x| x + 1),
        :drive sink::each(|x| println!("{x}")),
        :drive sink::each(|x| println!("{x}")),
    };
}
