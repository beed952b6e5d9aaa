//! A sink of futures.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use brigade::prelude::*;
use futures::{StreamExt as _, stream};

use crate::case::{Case, Contender, Goal, Sample, Size, Table};
use crate::rt::Consumer;

/// How many calls at a time.
const CALLS: usize = 8;

const BRIGADE: &str = "brigade";
const BY_HAND: &str = "futures `for_each_concurrent`";

/// Calls that each take long, and calls that take no time.
pub fn case(size: Size) -> Case {
    let note = "`:drive 8 sink::each_async(f)`: eight calls at the same time, for each item one. Where a call sleeps for \
                5 ms nobody can take less than an eighth of what a sleep takes; where it is ready at once, what counts \
                is how the items come to the writers.";
    let mut case = Case::new("drive", "A sink of futures", note);
    for consumer in Consumer::ALL {
        let dear = Work::new(
            "calls of 5 ms",
            Some(Duration::from_millis(5)),
            size.pick(800, 80),
        );
        let cheap = Work::new("calls that are ready at once", None, size.items(2_000_000));
        case = case
            .table(contenders(consumer, dear).goal(Goal::within(BRIGADE, BY_HAND, 1.15)))
            .table(contenders(consumer, cheap).goal(Goal::within(BRIGADE, BY_HAND, 1.0)));
    }
    case
}

/// What the calls do, and how many there are.
#[derive(Clone, Copy)]
struct Work {
    title: &'static str,
    sleep: Option<Duration>,
    items: u64,
}

impl Work {
    fn new(title: &'static str, sleep: Option<Duration>, items: u64) -> Self {
        Self {
            title,
            sleep,
            items,
        }
    }

    async fn call(self, item: u64, sum: Arc<AtomicU64>) {
        if let Some(sleep) = self.sleep {
            tokio::time::sleep(sleep).await;
        }
        sum.fetch_add(item, Ordering::Relaxed);
    }

    fn check(self, sum: &AtomicU64) {
        let expected = self.items * (self.items - 1) / 2;
        assert_eq!(sum.load(Ordering::Relaxed), expected, "calls are missing");
    }
}

fn contenders(consumer: Consumer, work: Work) -> Table {
    Table::new(format!("{}, {}", work.title, consumer.title()))
        .columns([("wall", "ns/item"), ("cpu", "CPU ns/item")])
        .baseline(BY_HAND)
        .contender(Contender::new(
            BRIGADE,
            "`:drive 8 sink::each_async(f)`",
            move || brigade(consumer, work),
        ))
        .contender(
            Contender::new(
                BY_HAND,
                "`stream::iter(…).for_each_concurrent(8, f)`, in one task",
                move || by_hand(consumer, work),
            )
            .crates(&["futures"]),
        )
}

fn brigade(consumer: Consumer, work: Work) -> Sample {
    consumer.measure(work.items, async move {
        let sum = Arc::<AtomicU64>::default();
        let seen = Arc::clone(&sum);
        let calls = pipeline! {
            [0..work.items]
            :drive (CALLS) sink::each_async(move |item| work.call(item, Arc::clone(&seen))),
        };
        calls.run().await.expect("nothing fails");
        work.check(&sum);
    })
}

fn by_hand(consumer: Consumer, work: Work) -> Sample {
    consumer.measure(work.items, async move {
        let sum = Arc::<AtomicU64>::default();
        stream::iter(0..work.items)
            .for_each_concurrent(CALLS, |item| work.call(item, Arc::clone(&sum)))
            .await;
        work.check(&sum);
    })
}
