//! Three stages that do next to nothing: what is left is the way from one to the next.

use brigade::prelude::*;
use futures::StreamExt;
use tokio::sync::mpsc;

use crate::case::{Case, Contender, Goal, Sample, Size, Table};
use crate::rt::Consumer;

const HAND: &str = "tokio mpsc by hand";

/// Three `1 map(…)` stages with 1,024 items between them.
pub fn case(size: Size) -> Case {
    let table = |consumer: Consumer| {
        Table::new(format!("u64, {}", consumer.title()))
            .baseline(HAND)
            .contender(Contender::new(
                "brigade",
                "three `1 map(…)` stages, `buffer: 1024`",
                move || brigade(consumer, size.items(5_000_000)),
            ))
            .contender(
                Contender::new(
                    HAND,
                    "a task a stage, `mpsc::channel(1024)` between them",
                    move || by_hand(consumer, size.items(400_000)),
                )
                .crates(&["tokio"]),
            )
            .goal(Goal::faster(
                "brigade",
                HAND,
                if consumer == Consumer::Spawned {
                    35.0
                } else {
                    30.0
                },
            ))
    };
    Case::new("hops", "Hops between stages", "One item crosses three stages that each add one, so nearly all of the time is spent between them.")
        .table(table(Consumer::Spawned))
        .table(table(Consumer::BlockOn))
}

fn brigade(consumer: Consumer, items: u64) -> Sample {
    consumer.measure(items, async move {
        let stages = pipeline! {
            [0..items]
            1 map(|x| x + 1) with { buffer: 1024 },
            1 map(|x| x + 1) with { buffer: 1024 },
            1 map(|x| x + 1) with { buffer: 1024 },
        };
        let mut stream = std::pin::pin!(stages.stream());
        let mut due = 3;
        while let Some(item) = stream.next().await {
            assert_eq!(item.expect("nothing fails"), due);
            due += 1;
        }
        assert_eq!(due, items + 3);
    })
}

fn by_hand(consumer: Consumer, items: u64) -> Sample {
    consumer.measure(items, async move {
        let (first, mut last) = mpsc::channel(1024);
        tokio::spawn(async move {
            for item in 0..items {
                first.send(item).await.expect("the next stage is there");
            }
        });
        for _ in 0..3 {
            let (tx, rx) = mpsc::channel(1024);
            let mut before = std::mem::replace(&mut last, rx);
            tokio::spawn(async move {
                while let Some(item) = before.recv().await {
                    tx.send(item + 1).await.expect("the next stage is there");
                }
            });
        }
        let mut due = 3;
        while let Some(item) = last.recv().await {
            assert_eq!(item, due);
            due += 1;
        }
        assert_eq!(due, items + 3);
    })
}
