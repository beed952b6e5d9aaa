//! Arguments that arrive in invisible groups, and pipelines in pipelines.
#![deny(warnings)]

use brigade::prelude::*;

macro_rules! numbers {
    ($input:expr, $f:expr, $path:path, $count:expr, $key:ident) => {
        pipeline! {
            [$input]
            map($f),
            ($count) $path,
            push_task($key),
            let next = $key + 1,
            map(|m| m.$key + m.next),
        }
    };
}

fn double(x: u64) -> u64 {
    x * 2
}

#[tokio::main]
async fn main() {
    let out: Vec<u64> = numbers!(0..3u64, |x| x + 1, double, 2, even)
        .collect()
        .await
        .unwrap();
    assert_eq!(out, [5, 9, 13]);

    let out: Vec<usize> = pipeline! {
        [0..3u64]
        :async 2 map(async |x| {
            pipeline! { [0..x] push_task(item), map(|m| m.item) }.collect::<Vec<_>>().await.map(|all| all.len())
        })?,
    }
    .collect()
    .await
    .unwrap();
    assert_eq!(out, [0, 1, 2]);

    let inner = pipeline! { [0..4u64] :block 2 map(|x| x + 1) };
    let out: Vec<u64> = pipeline! { [inner] map(|x| x * 2) }
        .collect()
        .await
        .unwrap();
    assert_eq!(out, [2, 4, 6, 8]);
}
