//! Through a rename and a re-export.
#![deny(warnings)]

pub extern crate brigade as bucket;

mod facade {
    pub use bucket as line;
    pub use bucket::pipeline as flow;
}

#[tokio::main]
async fn main() {
    let out: Vec<u64> = facade::flow! { [0..3u64] :block 2 map(|x| x + 1) }
        .collect()
        .await
        .unwrap();
    assert_eq!(out, [1, 2, 3]);
    let out: Vec<u64> = facade::line::pipeline! { [0..3u64] push_task(a), map(|m| m.a) }
        .collect()
        .await
        .unwrap();
    assert_eq!(out, [0, 1, 2]);
}
