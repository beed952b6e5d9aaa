//! `batch` with `bytes`: as many items as fit, or one.

use std::time::Duration;

use brigade::prelude::*;
use brigade::{Budget, StateBound, Stop};
use proptest::prelude::*;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::fakes::{Log, Quiet, in_time};

const AGE: Duration = Duration::from_secs(10);

/// What is to come of items of these weights.
fn expected(weights: &[usize], most: usize, bytes: usize) -> Vec<Vec<usize>> {
    let mut batches: Vec<Vec<usize>> = Vec::new();
    for weight in weights {
        let fits = |batch: &&mut Vec<usize>| {
            let sum: usize = batch.iter().sum();
            batch.len() < most && sum < bytes && sum + weight <= bytes
        };
        match batches.last_mut().filter(fits) {
            Some(batch) => batch.push(*weight),
            None => batches.push(vec![*weight]),
        }
    }
    batches
}

async fn batched(weights: Vec<usize>, most: usize, bytes: u64, how: usize) -> Vec<Vec<usize>> {
    if how == 3 {
        let budget = Budget::new(1_000);
        let items = source::weighed(weights, &budget, |weight| *weight);
        let items = pipeline! { [items] 2 map(|weight| weight) };
        let batches = pipeline! { [items.named("inner")] batch(most, bytes: bytes) };
        let batches = in_time(batches.collect()).await.unwrap();
        assert_eq!(budget.usage().held, 0);
        return batches;
    }
    if how == 2 {
        let of_records = pipeline! {
            [weights]
            push_task(weight),
            let text = "x".repeat(*weight),
            batch(most, bytes: bytes) with { weight: text.len() },
            map(|batch| batch.into_iter().map(|record| record.weight).collect::<Vec<usize>>()),
        };
        return in_time(of_records.collect()).await.unwrap();
    }
    let batches = if how == 0 {
        pipeline! { [weights] batch(most, bytes: bytes) with { weight: |weight| *weight } }.boxed()
    } else {
        pipeline! {
            [weights]
            batch(most, AGE, bytes: bytes) with { by: |_| 7, groups: 3, weight: |weight| *weight },
            map(|(_, batch): (i32, Vec<usize>)| batch),
        }
        .boxed()
    };
    in_time(batches.collect()).await.unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_batch_has_as_many_as_fit_or_one(
        weights in prop::collection::vec(prop_oneof![0..5_usize, 0..40_usize, Just(200)], 0..60),
        most in 1..12_usize, bytes in 1..60_usize, how in 0..4_usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let all = expected(&weights, most, bytes);
        let batches = runtime.block_on(batched(weights, most, bytes as u64, how));
        // Where the budget is full, batches go on early.
        if how == 3 {
            prop_assert_eq!(batches.concat(), all.concat());
            prop_assert!(batches.iter().all(|batch| batch.len() <= most && (batch.len() == 1 || batch.iter().sum::<usize>() <= bytes)));
        } else {
            prop_assert_eq!(batches, all);
        }
    }
}

#[tokio::test]
async fn each_key_has_bytes_of_its_own_and_what_closes_a_batch_is_counted() {
    let log = Log::default();
    let batches = log.clone();
    let pipeline = pipeline! {
        [["a1", "b22", "a3", "a4", "b5", "a666666", "b7"]]
        batch(10, bytes: 6) with {
            by: |word| word.chars().next(),
            groups: 2,
            weight: |word| word.len(),
            name: "grouped",
        },
        map(|(_, words): (_, Vec<&str>)| words.join(" ")),
        :drive sink::each(move |batch| batches.push(batch))
    };
    let plan = pipeline.plan();
    let row = plan.rows.iter().find(|row| &*row.stages[0] == "grouped");
    let state = row.unwrap().state.unwrap();
    assert!(matches!(
        state,
        StateBound::Batches {
            groups: 2,
            most: 10,
            bytes: 6,
            ..
        }
    ));
    assert_eq!(state.to_string(), "2 groups of 10, 6 bytes");
    assert!(
        plan.to_string().contains("2 groups of 10, 6 bytes"),
        "{plan}"
    );
    let report = pipeline.run().await.unwrap();
    // `a` is full with its third, a giant waits for nobody, and `b` has no room for its third.
    assert_eq!(log.take(), ["a1 a3 a4", "a666666", "b22 b5", "b7"]);
    let row = report.stage("grouped").unwrap();
    assert_eq!((row.done, row.emitted, row.by_bytes), (7, 4, 3));
    assert!(report.to_string().contains("by bytes"), "{report}");
    assert!(report.conserved(), "{report}");
}

#[tokio::test(start_paused = true)]
async fn it_goes_on_by_its_age_too_and_what_is_too_heavy_at_once() {
    let (sender, receiver) = mpsc::channel(10);
    let log = Log::default();
    let batches = log.clone();
    let began = Instant::now();
    let running = pipeline! {
        [receiver]
        batch(100, AGE, bytes: 10) with { weight: |text: &String| text.len() },
        :drive sink::each(move |batch: Vec<String>| batches.push((batch.len(), began.elapsed().as_secs())))
    }
    .spawn();
    for length in [3, 3, 30, 4] {
        sender.send("x".repeat(length)).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(log.take(), [(2, 0), (1, 0)]);
    tokio::time::sleep(AGE).await;
    assert_eq!(log.take(), [(1, 10)]);
    drop(sender);
    running.await.unwrap();
}

#[tokio::test]
async fn a_weight_that_panics_fails_its_item_alone() {
    let _quiet = Quiet::new();
    let failures = Log::default();
    let kept = failures.clone();
    let errors = sink::each(move |failure: Failure<u32>| kept.push(failure.into_task()));
    let batches = pipeline! {
        [[1_u32, 2, 3], errors]
        push_task(item),
        batch(10, bytes: 100) with { weight: { assert!(*item != 2, "as it is meant to"); 1 } },
        map(|batch| batch.len()),
    };
    assert_eq!(batches.collect::<Vec<_>>().await.unwrap(), [2]);
    assert_eq!(failures.take(), [Some(2)]);
}

#[tokio::test]
async fn what_cannot_be_is_refused_before_anything_starts() {
    let none = std::hint::black_box(0_u64);
    let run = pipeline! {
        [[1_usize]] batch(10, bytes: none) with { weight: |item| *item }, :drive sink::discard()
    };
    let failure = run.run().await.unwrap_err();
    assert!(
        matches!(failure.cause(), brigade::Cause::Stopped(Stop::Invalid(_))),
        "{failure}"
    );
    assert!(
        failure.to_string().contains("batches of 0 bytes"),
        "{failure}"
    );
    let run = pipeline! { [[1_usize]] batch(10, bytes: 5), :drive sink::discard() };
    let failure = run.run().await.unwrap_err().to_string();
    for part in [
        "weigh nothing",
        "`source::weighed`",
        "`with { weight: |item| … }`",
    ] {
        assert!(failure.contains(part), "{failure}");
    }
}
