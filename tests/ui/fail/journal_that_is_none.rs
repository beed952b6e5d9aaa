use brigade::prelude::*;

fn main() {
    let path = "tasks.db";
    let _ = pipeline! {
        [0..10u64]
        journal = path;
        push_task(original, id = |n| n),
        let post = original * 2 with { once },
        map(|m| m.post),
    };
}
