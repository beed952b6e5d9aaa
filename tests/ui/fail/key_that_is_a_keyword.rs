use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [[1u32]]
        push_task(type),
        let match = 2,
        mapduce(n => self, |n| n + 1),
        :drive sink::each(|_n| ()),
    };
}
