//! What is weighed anew behind a stage: less is given back, more waits for nothing, and nobody hangs.

use std::time::Duration;

use brigade::{Budget, Driven, Pipeline, Report, Stop, prelude::*};
use proptest::prelude::*;

use crate::fakes::{Gate, Quiet, eventually, in_time};

const BYTES: u64 = 2_000;

fn items(budget: &Budget, count: u64) -> source::Weighed<std::ops::Range<u64>, fn(&u64) -> usize> {
    source::weighed(0..count, budget, |_| 1_000)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_become_lighter_lets_more_in() {
    let (budget, gate) = (Budget::new(BYTES), Gate::closed());
    let (items, at) = (items(&budget, 100), gate.clone());
    let running = pipeline! {
        [items]
        use at;
        1 map(|item| item) with { weight: |_| 10 },
        :async 50 tap(async |_| at.pass().await),
        batch(7),
        :drive sink::discard()
    }
    .spawn();
    // Two fit as they come in, fifty as they have become.
    eventually("fifty are in", || budget.usage().held >= 500).await;
    eventually("more wait", || budget.usage().held >= 1_500).await;
    assert!(budget.usage().held <= BYTES, "{budget:?}");
    gate.open();
    let report = in_time(running).await.unwrap();
    assert!(report.conserved(), "{report}");
    assert!(
        budget.usage().held == 0 && budget.usage().peak <= BYTES,
        "{budget:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_become_heavier_waits_for_nothing_and_closes_the_input() {
    let (budget, gate) = (Budget::new(BYTES), Gate::closed());
    let (items, at) = (items(&budget, 30), gate.clone());
    let running = pipeline! {
        [items]
        use at;
        1 map(|item| item) with { weight: |_| 50_000 },
        :async 50 tap(async |_| at.pass().await),
        batch(500),
        :drive sink::discard()
    }
    .spawn();
    eventually("it has grown", || budget.usage().held >= 50_000).await;
    eventually("the next waits", || budget.usage().waits > 0).await;
    gate.open();
    in_time(running).await.unwrap();
    let usage = budget.usage();
    // Two that were let in together may have grown, and a third between.
    assert!(usage.held == 0 && usage.peak <= 3 * 50_000, "{usage:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_outputs_of_one_item_weigh_what_each_of_them_does() {
    let budget = Budget::new(BYTES);
    let lines = source::weighed(["aa b cccccc", "d"], &budget, |_| 1_000);
    let batches = pipeline! {
        [lines]
        :block 1 flat_map(|line| line.split(' ')) with { weight: |word| word.len() },
        batch(10, bytes: 4),
    };
    let batches: Vec<Vec<&str>> = in_time(batches.collect()).await.unwrap();
    // A batch may go on early where all that is held lies in it.
    assert!(
        batches
            .iter()
            .all(|batch| batch.len() == 1 || batch.concat().len() <= 4),
        "{batches:?}"
    );
    assert!(batches.contains(&vec!["cccccc"]), "{batches:?}");
    assert_eq!(budget.usage().held, 0);
}

#[tokio::test]
async fn what_was_not_weighed_is_not_weighed_anew() {
    let pipeline = pipeline! {
        [0..9_u64] map(|item| item) with { weight: |_| 1 }, :drive sink::discard()
    };
    let failure = pipeline.run().await.unwrap_err();
    assert!(
        matches!(failure.cause(), brigade::Cause::Stopped(Stop::Invalid(_))),
        "{failure}"
    );
    for part in ["hold nothing of a budget", "`source::weighed`"] {
        assert!(failure.to_string().contains(part), "{failure}");
    }
}

#[derive(Debug, thiserror::Error)]
#[error("refused")]
struct Refused;

/// Whatever happens is decided by this.
fn roll(seed: u64, what: u64, sides: u64) -> u64 {
    let mixed = (seed ^ what.rotate_left(23)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed >> 33) % sides
}

async fn run(seed: u64, form: usize, budget: &Budget) -> Report {
    let weight = move |item: &u64| {
        let which = usize::try_from(roll(seed, *item, 6)).unwrap();
        [0, 1, 300, 4_500, 20_000, 90_000][which]
    };
    // Heavier and lighter, as it happens; and one in twelve panics, which leaves it as it was.
    let again = move |item: &u64| {
        assert!(roll(seed, item ^ 0x77, 12) > 0, "as it is meant to");
        let which = usize::try_from(roll(seed, item ^ 0x5555, 6)).unwrap();
        [0, 7, 500, 6_000, 30_000, 150_000][which]
    };
    let fails = move |item: &u64| match roll(seed, item ^ 0x99, 15) {
        0 => Err(Refused),
        _ => Ok(()),
    };
    let input = source::weighed(source::iter(0..150_u64), budget, weight);
    if form == 2 {
        let of_records = pipeline! {
            [input, sink::each(drop)]
            use again;
            push_task(item),
            :block 2 let twice = item * 2 with { weight: again(twice) + again(item) },
            let four = twice * 2,
            forget(twice) with { weight: again(four) },
            map(|record| record.four),
            batch(1_000) with { by: |item| item % 3, groups: 2 },
            :drive sink::discard()
        };
        return of_records.run().await.unwrap();
    }
    let errors = sink::each(drop);
    let pipeline: Pipeline<Driven> = match form {
        0 => pipeline! {
            [input, errors]
            use again;
            :block 2 map(|item| { fails(&item)?; Ok::<_, Refused>(item) })? with { weight: again },
            batch(40, bytes: 50_000),
            :drive 2 sink::discard()
        },
        1 => pipeline! {
            [input, errors]
            use again;
            :async 8 map(async |item| item) with { weight: again },
            flat_map(|item| [item, item + 1, item + 2]) with { weight: again },
            tap(fails)?,
            batch(1_000),
            flat_map(|batch| batch) with { weight: again },
            batch(1_000),
            :drive sink::discard()
        },
        3 => pipeline! {
            [input, errors]
            use again;
            match |item| item % 3 {
                0 => { :block 2 map(|item| item) with { weight: again } }
                1 => { map(|item| item) with { weight: again }, batch(50), :drive sink::discard() }
                _ => { filter(|item| item % 2 == 0) }
            },
            tee |item| *item { map(|item| item) with { weight: again }, batch(500), :drive sink::discard() },
            batch(500),
            :drive sink::discard()
        },
        _ => {
            let inner = pipeline! {
                [input]
                use again;
                map(|item| item) with { weight: again }
            };
            let input = source::weighed(inner.named("inner"), budget, weight);
            pipeline! {
                [input, errors]
                use again;
                :async 4 tap(async |item: &u64| { tokio::task::yield_now().await; fails(item) })?
                    with { retry: Retry::fixed(2, Duration::from_micros(100)) },
                filter_map(|item| (item % 2 == 0).then_some(item)) with { weight: again },
                fold(0, |sum, item: u64| *sum += item) with { most: 1_000 },
                :drive sink::discard()
            }
        }
    };
    pipeline.run().await.unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, ..ProptestConfig::default() })]

    #[test]
    fn nothing_hangs_whatever_becomes_of_weights(
        seed: u64, form in 0..5_usize, bytes in prop_oneof![1..100_u64, 1_000..50_000_u64, 100_000..1_000_000_u64],
    ) {
        let _quiet = Quiet::new();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let budget = Budget::new(bytes);
        let report = runtime.block_on(async { in_time(run(seed, form, &budget)).await });
        prop_assert!(report.conserved(), "{report}");
        prop_assert_eq!(budget.usage().held, 0, "{:?}", budget);
    }
}
