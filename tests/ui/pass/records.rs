//! Keyed records: every form, nested tasks, a change of type in place.
#![deny(warnings)]

use brigade::prelude::*;

#[derive(Clone)]
struct Post {
    text: String,
}

fn length(text: &str) -> usize {
    text.len()
}

fn sum(a: &usize, b: &u64) -> u64 {
    *a as u64 + b
}

#[tokio::main]
async fn main() {
    let posts = ["a", "bcd"].map(|text| Post { text: text.into() });
    let out: Vec<(String, u64, u64)> = pipeline! {
        [posts.to_vec()]
        push_task(original),
        mapduce(original.text => len, length),
        let big: u64 = 10 * *len as u64,
        mapduce((len, big) => total, sum),
        mapduce(total, |total| total.to_string()),
        let big = big + 1,
        forget(len),
        push_task(outer),
        let shout = outer.original.text.to_uppercase(),
        pop_task(outer, shout),
        :block 2 let copy = shout.clone() + total,
        :async 2 map(|m| async move { (m.original.text + &m.copy, m.big, m.total.len() as u64) }),
    }
    .collect()
    .await
    .unwrap();
    assert_eq!(out, [("aA11".into(), 11, 2), ("bcdBCD33".into(), 31, 2)]);

    let back: Vec<Post> = pipeline! {
        [posts.to_vec()]
        push_task(original),
        let len = length(&original.text),
        filter(|m| m.len > 1),
        pop_task(original),
    }
    .collect()
    .await
    .unwrap();
    assert_eq!(back[0].text, "bcd");
}
