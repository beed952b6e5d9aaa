//! What a report advises, of runs of which the answer is known.

use std::time::Duration;

use brigade::prelude::*;
use brigade::{Advice, Remedy};

async fn advised(workers: usize, calls: u64) -> Option<Advice> {
    let report = pipeline! {
        [0..calls]
        :async (workers) tap(async |_| tokio::time::sleep(Duration::from_millis(5)).await) with { name: "call" },
        :async 16 tap(async |_| tokio::time::sleep(Duration::from_millis(5)).await) with { name: "store" },
        :drive sink::discard(),
    }
    .run()
    .await
    .unwrap();
    report.advice()
}

/// Both wait for as long, so sixteen of the first keep sixteen of the second busy.
#[tokio::test]
async fn the_stage_with_too_few_workers_is_named_with_what_it_needs() {
    let advice = advised(4, 100).await.expect("one of the two is busy");
    assert_eq!(&*advice.stage, "call");
    let Remedy::Workers { more, gain, .. } = &advice.remedy else {
        panic!("{advice}");
    };
    let [more] = &more[..] else {
        panic!("{advice}")
    };
    assert_eq!((&*more.stage, more.from), ("call", 4));
    // About four times as many; how idle the other one was seen to be moves that a little.
    assert!((8..=18).contains(&more.to), "{advice}");
    assert!(*gain > 1.8, "{advice}");
}

#[tokio::test]
async fn where_all_wait_for_the_input_that_is_said() {
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    tokio::spawn(async move {
        for n in 0..20_u64 {
            tokio::time::sleep(Duration::from_millis(5)).await;
            if sender.send(n).await.is_err() {
                break;
            }
        }
    });
    let report = pipeline! { [receiver] 1 map(|n| n), :drive sink::discard() }
        .run()
        .await
        .unwrap();
    let advice = report.advice().expect("the input is asked all the time");
    assert_eq!(advice.remedy, Remedy::Input, "{report}");
    let said = advice.to_string();
    assert!(
        said.starts_with("the others wait for the input `source`"),
        "{said}"
    );
}
