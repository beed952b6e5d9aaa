use brigade::journal;
use brigade::prelude::*;

fn main() {
    let journal = journal::memory();
    let _ = pipeline! {
        [[1u32]]
        push_task(n, id = |n| *n),
        journal = journal;
        let next = n + 1 with { once },
        map(|m| m.next),
        :drive sink::each(|_n| ()),
    };
}
