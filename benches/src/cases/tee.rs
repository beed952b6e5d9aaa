//! What goes to two places.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use brigade::prelude::*;
use brigade::sink::Sink;
use tokio::sync::mpsc;

use crate::case::{Case, Contender, Goal, Sample, Size, Table};
use crate::rt::Consumer;

/// How many items may wait for each of the places.
const BUFFER: usize = 256;

const BRIGADE: &str = "brigade, `tee`";
const LOSSY: &str = "brigade, `tee` with `lossy`";
const BY_HAND: &str = "two channels of tokio";

/// A clone of each item goes into a second sink.
pub fn case(size: Size) -> Case {
    let note = "Each item is cloned into a second sink. By hand that is a task which sends it into two channels of 256, and \
                two that read those; with `tee` a delivery would also be acknowledged when both are done. A lossy side \
                line counts what it had no room for.";
    let mut case = Case::new("tee", "The same items in two places", note);
    for consumer in Consumer::ALL {
        let items = size.items(1_000_000);
        let table = Table::new(format!("u64, {}", consumer.title()))
            .columns([("wall", "ns/item"), ("cpu", "CPU ns/item")])
            .baseline(BY_HAND)
            .contender(Contender::new(BRIGADE, "`tee { :drive side }`", move || {
                exact(consumer, items)
            }))
            .contender(Contender::new(
                LOSSY,
                "`tee { :drive side } with { lossy: 256 }`",
                move || lossy(consumer, items),
            ))
            .contender(
                Contender::new(
                    BY_HAND,
                    "`a.send(item.clone()).await`, `b.send(item).await`, and two tasks that receive",
                    move || by_hand(consumer, items),
                )
                .crates(&["tokio"]),
            );
        case = case.table(table.goal(Goal::within(BRIGADE, BY_HAND, 1.0)));
    }
    case
}

/// What came into a sink.
#[derive(Clone, Default)]
struct Sum(Arc<AtomicU64>);

impl Sum {
    fn add(&self, item: u64) {
        self.0.fetch_add(item, Ordering::Relaxed);
    }

    fn sink(&self) -> impl Sink<u64> + use<> {
        let sum = self.clone();
        sink::each(move |item| sum.add(item))
    }

    fn check(&self, items: u64) {
        let expected = items * (items - 1) / 2;
        assert_eq!(
            self.0.load(Ordering::Relaxed),
            expected,
            "items are missing"
        );
    }
}

fn exact(consumer: Consumer, items: u64) -> Sample {
    consumer.measure(items, async move {
        let (main, side) = (Sum::default(), Sum::default());
        let pipeline = pipeline! {
            [0..items]
            tee { :drive side.sink() with { buffer: BUFFER } },
            :drive main.sink() with { buffer: BUFFER },
        };
        pipeline.run().await.expect("nothing fails");
        main.check(items);
        side.check(items);
    })
}

fn lossy(consumer: Consumer, items: u64) -> Sample {
    consumer.measure(items, async move {
        let (main, side) = (Sum::default(), Sum::default());
        let pipeline = pipeline! {
            [0..items]
            tee { :drive side.sink() with { name: "side" } } with { lossy: BUFFER },
            :drive main.sink() with { buffer: BUFFER },
        };
        let report = pipeline.run().await.expect("nothing fails");
        main.check(items);
        let side = report.stage("side").expect("it is there");
        assert_eq!(side.entered + side.skipped, items, "items are not counted");
    })
}

fn by_hand(consumer: Consumer, items: u64) -> Sample {
    consumer.measure(items, async move {
        let (main, side) = (Sum::default(), Sum::default());
        let reading = |sum: &Sum| {
            let (sender, mut receiver) = mpsc::channel::<u64>(BUFFER);
            let sum = sum.clone();
            let task = tokio::spawn(async move {
                while let Some(item) = receiver.recv().await {
                    sum.add(item);
                }
            });
            (sender, task)
        };
        let ((first, reads_first), (second, reads_second)) = (reading(&main), reading(&side));
        for item in 0..items {
            #[allow(
                clippy::clone_on_copy,
                reason = "what is measured is a copy of anything"
            )]
            second.send(item.clone()).await.expect("it is read");
            first.send(item).await.expect("it is read");
        }
        drop((first, second));
        reads_first.await.expect("it does not panic");
        reads_second.await.expect("it does not panic");
        main.check(items);
        side.check(items);
    })
}
