use brigade::prelude::*;

fn main() {
    let (first, second) = ((), ());
    let _ = pipeline! {
        [0..10u64]
        journal = first;
        journal = second;
        push_task(original, id = |n| n),
        let post = original * 2 with { once },
        map(|m| m.post),
    };
}
