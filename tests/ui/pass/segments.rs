//! A function that returns a segment is how stages are reused.
#![deny(warnings)]

use brigade::prelude::*;

fn clean(prefix: &str) -> Segment<u64, String> {
    let prefix = prefix.to_owned();
    pipeline! {
        use prefix;
        map(|x| x + 1),
        :block 2 map(|x| format!("{prefix}{x}")),
        filter(|text| !text.is_empty()),
    }
}

fn nested() -> Segment<u64, usize> {
    pipeline! { through(clean("n")), map(|text| text.len()) }
}

#[tokio::main]
async fn main() {
    let out: Vec<usize> = pipeline! {
        [0..3u64]
        through(nested()),
        map(|x| x as u64),
        through(clean("long")),
        map(|text| text.len()),
    }
    .collect()
    .await
    .unwrap();
    assert_eq!(out, [5, 5, 5]);
    assert_eq!(clean("a").run_on(vec![1, 2]).await.unwrap(), ["a2", "a3"]);
}
