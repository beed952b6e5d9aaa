use brigade::prelude::*;

fn twice(n: &u64) -> u64 {
    n * 2
}

fn main() {
    let (journal, api) = ((), 3);
    let _ = pipeline! {
        [0..10u64]
        journal = journal;
        use api;
        push_task(original, id = |n| n),
        let post = original * 2 with { once(original) },
        let next = original * api with { once(api) },
        mapduce(post => twice, twice) with { once(token) },
        map(|m| m.twice),
    };
}
