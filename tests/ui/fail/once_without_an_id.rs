use brigade::prelude::*;

struct Message;

async fn save(journal: impl brigade::journal::Journal) {
    let _ = pipeline! {
        [vec![Message]]
        journal = journal;
        push_task(original),
        let post = std::mem::size_of_val(original) with { once },
        map(|m| m.post),
    };
}

fn main() {}
