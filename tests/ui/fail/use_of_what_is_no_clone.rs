use brigade::prelude::*;

struct Client;

fn main() {
    let client = Client;
    let _ = pipeline! {
        [0..10u64]
        use client, unknown;
        map(|x| x + 1),
    };
}
