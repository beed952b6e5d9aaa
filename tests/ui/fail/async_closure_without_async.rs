use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [[1u32]]
        tap(async |n| println!("{n}")),
        :block 2 tap(async |n| println!("{n}")),
        :drive sink::each(|_n| ()),
    };
}
