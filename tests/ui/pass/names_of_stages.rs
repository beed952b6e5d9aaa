//! What a report calls the stages, and where they are.
#![deny(warnings)]

use brigade::prelude::*;

fn parse(x: u64) -> u64 {
    x
}

mod clean {
    pub fn text(x: u64) -> u64 {
        x
    }
}

#[tokio::main]
async fn main() {
    let (posts_table, mut rows) = tokio::sync::mpsc::channel(64);
    let report = pipeline! {
        [0..3u64]
        parse,
        map(parse),
        :block 2 clean::text,
        map(|x| x),
        map(|x| x) with { name: "map#2" },
        map(|x| x),
        push_task(original),
        let post = 1 + original,
        mapduce(post, |x| x),
        pop_task(original),
        batch(2),
        :drive posts_table,
    }
    .run()
    .await
    .unwrap();
    let names: Vec<_> = report.rows.iter().map(|row| &*row.name).collect();
    assert_eq!(
        names,
        [
            "source",
            "parse",
            "parse#2",
            "text",
            "map",
            "map#2",
            "map#3",
            "original",
            "post",
            "post#2",
            "pop_task",
            "batch",
            "posts_table"
        ]
    );
    assert_eq!(rows.recv().await, Some(vec![0, 1]));
}
