use brigade::prelude::*;

async fn save(journal: impl brigade::journal::Journal) {
    let _ = pipeline! {
        [vec![vec![1u64]]]
        journal = journal;
        push_task(original, id = |numbers| numbers.clone()),
        let post = original.len() with { once },
        map(|m| m.post),
    };
}

fn main() {}
