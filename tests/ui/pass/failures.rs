//! What the errors end gets.
#![deny(warnings)]

use std::sync::{Arc, Mutex};

use brigade::prelude::*;

fn half(x: u64) -> Result<u64, String> {
    if x % 2 == 0 {
        Ok(x / 2)
    } else {
        Err(format!("{x} is odd"))
    }
}

#[tokio::main]
async fn main() {
    let failed = Arc::new(Mutex::new(Vec::new()));
    let into = failed.clone();
    let out: Vec<u64> = pipeline! {
        [0..6u64, sink::each(move |f| into.lock().unwrap().push((f.stage().name.to_string(), f.task().copied(), f.to_string())))]
        push_task(number),
        tap(|m| assert!(m.number != 4, "four")),
        let half = half(*number)?,
        :block 2 filter(|m| if m.half == 1 { Err("one") } else { Ok(true) })?,
        map(|m| m.half),
    }
    .collect()
    .await
    .unwrap();
    assert_eq!(out, [0]);
    let mut failed = failed.lock().unwrap().clone();
    failed.sort();
    assert_eq!(
        failed,
        [
            ("filter".to_owned(), Some(2), "filter: one".to_owned()),
            ("half".to_owned(), Some(1), "half: 1 is odd".to_owned()),
            ("half".to_owned(), Some(3), "half: 3 is odd".to_owned()),
            ("half".to_owned(), Some(5), "half: 5 is odd".to_owned()),
            ("tap".to_owned(), Some(4), "tap: panicked: four".to_owned()),
        ]
    );
}
