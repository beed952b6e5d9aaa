//! A record is a value: it can be collected, and its keys read.
#![deny(warnings)]

use brigade::prelude::*;

#[tokio::main]
async fn main() {
    let records: Vec<_> = pipeline! {
        [vec!["1", "22"]]
        push_task(text),
        let value = text.parse::<u64>()?,
        tap(|m| assert!(format!("{m:?}").contains("value"))),
    }
    .collect()
    .await
    .unwrap();
    assert_eq!(records[1].text.len() as u64 * records[1].value, 44);
}
