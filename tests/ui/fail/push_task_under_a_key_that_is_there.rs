use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [[1u32]]
        push_task(n),
        let twice = n * 2,
        push_task(n),
        map(|m| m.n.twice),
        :drive sink::each(|_n| ()),
    };
}
