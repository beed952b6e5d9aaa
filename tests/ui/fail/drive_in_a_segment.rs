use brigade::prelude::*;

fn main() {
    let _: Segment<u64, u64> = pipeline! {
        map(|x| x + 1),
        :drive sink::each(|x| println!("{x}")),
    };
}
