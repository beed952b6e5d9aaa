use brigade::prelude::*;

struct Post {
    id: u64,
}

fn main() {
    let _ = pipeline! {
        [[Post { id: 1 }]]
        tap(|post| drop(post.id)),
        dedup(|post| post) with { most: 10 },
    };
}
