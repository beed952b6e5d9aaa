use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [[1u32]]
        :drive sink::each(async |n: u32| println!("{n}")),
    };
}
