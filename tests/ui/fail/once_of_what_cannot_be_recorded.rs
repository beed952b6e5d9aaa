use brigade::prelude::*;

#[derive(Debug)]
struct Post(u64);

async fn save(journal: impl brigade::journal::Journal) {
    let _ = pipeline! {
        [0..10u64]
        journal = journal;
        push_task(original, id = |n| n),
        let post = Post(*original) with { once },
        :async 2 mapduce(post => again, |post| async move { Post(post.0) }) with { once },
        map(|m| m.again),
    };
}

fn main() {}
