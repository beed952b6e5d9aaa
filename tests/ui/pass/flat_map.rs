//! Outputs one by one: endless ones, in every kind of stage, and stages behind them.
#![deny(warnings)]

use brigade::prelude::*;

#[tokio::main]
async fn main() {
    let out: Vec<u64> = pipeline! {
        [0..4u64]
        flat_map(|x| 0..x),
        flat_map(|x| vec![x; 2]),
        filter(|x| *x > 0),
        map(|x| x * 10),
    }
    .collect()
    .await
    .unwrap();
    assert_eq!(out, [10, 10, 10, 10, 20, 20]);

    let out: Vec<char> = pipeline! {
        [vec!["ab".to_owned(), String::new(), "c".to_owned()]]
        flat_map(|text| text.chars().collect::<Vec<_>>()),
        :async 4 map(|c| async move { c.to_ascii_uppercase() }),
        :block 2 flat_map(|c| [c, '-']),
        filter(|c| *c != 'B'),
        batch(2),
        flat_map(|batch| batch),
        :async 2 flat_map(async |c| Some(c)),
    }
    .collect()
    .await
    .unwrap();
    assert_eq!(out, ['A', '-', '-', 'C', '-']);
}
