//! `by` that waits for something.

use brigade::prelude::*;

async fn shard(user: &u64) -> u64 {
    user % 4
}

fn main() {
    let _a = pipeline! {
        [0..9u64]
        push_task(user),
        :async 4 let same = async { *user }.await with { by: shard(user).await },
        map(|r| r.same),
    };
    let _b = pipeline! { [0..9u64] :async 4 map(async |user| user) with { by: async |user| *user } };
}
