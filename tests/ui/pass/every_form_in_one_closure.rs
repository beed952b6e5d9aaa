//! Plain stages: no task and no channel.
#![deny(warnings)]

use brigade::prelude::*;

fn double(x: u64) -> u64 {
    x * 2
}

fn is_even(x: &u64) -> bool {
    x.is_multiple_of(2)
}

#[tokio::main]
async fn main() {
    let seen = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let counter = seen.clone();
    let out: Vec<String> = pipeline! {
        [0..10u64]
        map(|x| x + 1),
        filter(is_even),
        tap(|_| counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed)),
        double,
        filter_map(|x| (x > 4).then_some(x)),
        map(u64::to_string_twice),
    }
    .collect()
    .await
    .unwrap();
    assert_eq!(out, ["88", "1212", "1616", "2020"]);
    assert_eq!(seen.load(std::sync::atomic::Ordering::Relaxed), 5);
}

trait Twice {
    fn to_string_twice(self) -> String;
}

impl Twice for u64 {
    fn to_string_twice(self) -> String {
        format!("{self}{self}")
    }
}
