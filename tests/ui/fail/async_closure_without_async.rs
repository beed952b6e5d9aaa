use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [[1u32]]
        tap(async |n| println!("{n}")),
        :block 2 filter(|n| async move { n > 1 }),
        :drive sink::each(|_n| ()),
    };
}
