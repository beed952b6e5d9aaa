use brigade::prelude::*;

fn main() {
    let journal = ();
    let _ = pipeline! {
        [0..10u64]
        push_task(original, id = |n| n),
        map(|m| m.original),
    };
    let _ = pipeline! {
        [0..10u64]
        journal = journal;
        push_task(original, id = |n| n),
        push_task(saved, id = |m| m.original),
        let post = saved.original * 2 with { once },
        map(|m| m.post),
    };
    let _ = pipeline! {
        [0..10u64]
        journal = journal;
        push_task(original, key = |n| n),
        let post = original * 2 with { once },
        map(|m| m.post),
    };
}
