//! One input after the other.

use brigade::prelude::*;
use tokio::sync::mpsc::channel;

use crate::fakes::{Count, PATIENCE, eventually, in_time};

#[tokio::test(flavor = "multi_thread")]
async fn the_second_comes_when_the_first_has_ended() {
    let asked = Count::default();
    let counts = asked.clone();
    let (sender, first) = channel(4);
    let second = source::iter((100..200_u64).inspect(move |_| assert!(counts.add() < 1000)));
    let inputs = source::concat(first.named("kept"), second.named("live"));
    let mut items = pipeline! { [inputs] 2 map(|x| x) }.stream();
    for x in 0..50 {
        sender.send(x).await.unwrap();
        assert_eq!(in_time(items.next()).await.unwrap().unwrap(), x);
    }
    assert_eq!(asked.get(), 0);
    drop(sender);
    for x in 100..200 {
        assert_eq!(in_time(items.next()).await.unwrap().unwrap(), x);
    }
    assert!(in_time(items.next()).await.is_none());
    let report = items.handle().report();
    assert_eq!(
        ["kept", "live"].map(|name| report.stage(name).unwrap().emitted),
        [50, 100]
    );
}

#[tokio::test]
async fn any_number_follow_each_other_with_and_without_workers() {
    let inputs = || {
        source::concat(
            vec![1, 2],
            source::concat(Vec::new(), source::concat(vec![3], 4..7)),
        )
    };
    let items: Vec<_> = in_time(pipeline! { [inputs()] map(|x| x) }.collect())
        .await
        .unwrap();
    assert_eq!(items, [1, 2, 3, 4, 5, 6]);
    let items: Vec<_> = in_time(pipeline! { [inputs()] 3 map(|x| x) }.collect())
        .await
        .unwrap();
    assert_eq!(items, [1, 2, 3, 4, 5, 6]);
}

#[tokio::test]
async fn a_drain_ends_both_and_asks_the_second_for_nothing() {
    let asked = Count::default();
    let counts = asked.clone();
    let (_sender, first) = channel::<u64>(4);
    let second = source::iter((0..).inspect(move |_| assert!(counts.add() < 1000)));
    let running =
        pipeline! { [source::concat(first, second)] 2 map(|x| x), :drive sink::discard() }.spawn();
    eventually("that it runs", || !running.report().elapsed.is_zero()).await;
    in_time(running.drain(PATIENCE)).await.unwrap();
    assert_eq!(asked.get(), 0);
}

#[tokio::test]
async fn the_second_does_not_begin_when_the_first_cannot_go_on() {
    let first = source::iter((0..3_u64).inspect(|x| assert!(*x < 2, "the disk is gone")));
    let inputs = source::concat(first.named("kept"), (10..20).named("live"));
    let errors = sink::each(|_failure: Failure| ());
    let failure =
        in_time(pipeline! { [inputs, errors] 2 map(|x| x), :drive sink::discard() }.run());
    let failure = failure.await.unwrap_err();
    assert_eq!(&*failure.stage().name, "kept");
    assert_eq!(failure.report().unwrap().stage("live").unwrap().emitted, 0);
}
