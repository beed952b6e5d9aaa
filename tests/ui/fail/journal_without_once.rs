use brigade::prelude::*;

fn main() {
    let journal = ();
    let _ = pipeline! {
        [0..10u64]
        journal = journal;
        push_task(original, id = |n| n),
        let post = original * 2,
        map(|m| m.post),
    };
}
