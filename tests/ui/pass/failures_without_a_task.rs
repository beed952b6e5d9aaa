//! Fail-fast, and the two ways to write `sink::each` without a type.
#![deny(warnings)]

use brigade::prelude::*;

#[tokio::main]
async fn main() {
    let failure = pipeline! { [vec!["1", "x"]] map(|text| text.parse::<u64>())? }
        .collect::<Vec<_>>()
        .await
        .unwrap_err();
    assert_eq!(failure.stage().name, "map");
    assert_eq!(failure.stage().command, "map(|text| text.parse::<u64>())?");
    assert_eq!(failure.stage().line, 8);
    assert!(failure.task().is_none() && failure.frames().is_empty());

    let count = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let (first, second) = (count.clone(), count.clone());
    pipeline! {
        [vec![("1", 2), ("x", 3)], sink::each(|_| { first.fetch_add(1, std::sync::atomic::Ordering::Relaxed); })]
        map(|(text, n)| { let parsed: u64 = text.parse()?; Ok((parsed, n)) })?,
        :drive sink::each(|(parsed, n)| {
            assert_eq!(parsed + 1, n);
            second.fetch_add(10, std::sync::atomic::Ordering::Relaxed);
        }),
    }
    .run()
    .await
    .unwrap();
    assert_eq!(count.load(std::sync::atomic::Ordering::Relaxed), 11);
}
