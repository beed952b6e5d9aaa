//! `by` where there is nothing to keep in order.

use brigade::prelude::*;

async fn save(user: u64) -> u64 {
    user
}

fn main() {
    let _a = pipeline! { [0..9u64] :async 1 map(save) with { by: |user| *user } };
    let _b = pipeline! { [0..9u64] :block map(|user| user) with { by: |user| *user } };
    let _c = pipeline! { [0..9u64] map(|user| user) with { by: |user| *user } };
    let _d = pipeline! { [0..9u64] :drive 2 sink::each(|_user: u64| ()) with { by: |user| *user } };
}
