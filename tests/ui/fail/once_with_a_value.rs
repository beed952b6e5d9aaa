use brigade::prelude::*;

fn main() {
    let journal = ();
    let _ = pipeline! {
        [0..10u64]
        journal = journal;
        push_task(original, id = |n| n),
        let post = original * 2 with { once: true },
        let second = original * 2 with { once("token") },
        let third = original * 2 with { once, once },
        let fourth = original * 2 with { onse },
        map(|m| m.post),
    };
}
