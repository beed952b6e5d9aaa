//! Whatever the weights, the budget and the stages, whatever fails and whenever it ends: it ends, no more is alive than was
//! promised, and nothing is held at the end.

use std::sync::Arc;
use std::time::Duration;

use brigade::{Budget, Driven, Pipeline, Running, prelude::*};
use proptest::prelude::*;

use crate::fakes::{Quiet, in_time};
use crate::heavy::{Heavy, Scale};

/// Whatever happens is decided by this.
#[derive(Debug, Clone, Copy)]
struct Dice(u64);

impl Dice {
    fn roll(self, what: u64, sides: u64) -> u64 {
        let mixed = (self.0 ^ what.rotate_left(23)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed >> 33) % sides
    }
}

#[derive(Debug, Clone, Copy)]
enum End {
    Drained,
    Aborted,
    Left,
}

#[derive(Debug, thiserror::Error)]
#[error("refused")]
struct Refused;

const ITEMS: u64 = 150;
const HEAVIEST: u64 = 100_000;

fn weight(dice: Dice, number: u64) -> u64 {
    // Many light ones, which are taken in together, and some that are heavier than all of the budget.
    [0, 1, 50, 300, 4_000, 5_000, 20_000, HEAVIEST][usize::try_from(dice.roll(number, 8)).unwrap()]
}

fn fails(dice: Dice, number: u64) -> Result<(), Refused> {
    match dice.roll(number ^ 0x55, 12) {
        0 => Err(Refused),
        1 => panic!("as it is meant to"),
        _ => Ok(()),
    }
}

async fn call(dice: Dice, item: &Heavy) -> Result<(), Refused> {
    if dice.roll(item.number ^ 0x99, 3) == 0 {
        tokio::task::yield_now().await;
    }
    fails(dice, item.number)
}

type Failures = tokio::sync::mpsc::UnboundedSender<Failure>;

/// One of the inputs: always ready, or not.
fn input(dice: Dice, which: u64, budget: &Budget, scale: &Scale) -> Pipeline<Heavy> {
    let scale = scale.clone();
    let item = move |number| scale.item(number, weight(dice, number));
    if dice.roll(which, 2) == 0 {
        let items = source::weighed(source::iter((0..ITEMS).map(item)), budget, Heavy::weight);
        pipeline! { [items] map(|item| item) }.boxed()
    } else {
        let items = futures::stream::unfold(0, move |number| {
            let item = (number < ITEMS).then(|| (item(number), number + 1));
            async move {
                tokio::task::yield_now().await;
                item
            }
        });
        let items = source::weighed(source::stream(items), budget, Heavy::weight);
        pipeline! { [items] 2 map(|item| item) }.boxed()
    }
}

fn pipeline(dice: Dice, kept: Failures, budget: &Budget, scale: &Scale) -> Pipeline<Driven> {
    let first = input(dice, 1, budget, scale).named("first");
    let second = input(dice, 2, budget, scale).named("second");
    let input = source::merge((first, second));
    let errors = sink::each(move |failure| drop(kept.send(failure)));
    match dice.roll(3, 10) {
        0 => pipeline! {
            [input, errors]
            :block 3 tap(|item| fails(dice, item.number))?,
            batch(1_000),
            :drive 2 sink::discard()
        },
        1 => pipeline! {
            [input, errors]
            :async 16 tap(async |item: &Heavy| call(dice, item).await)?
                with { retry: Retry::fixed(2, Duration::from_micros(100)) },
            flat_map(|item: Heavy| item.parts(3)),
            2 map(|part| part),
            batch(40),
            batch(7),
            :drive sink::discard()
        },
        2 => pipeline! {
            [input, errors]
            :async 8 tap(async |item: &Heavy| call(dice, item).await)?
                with { by: |item: &Heavy| item.number % 5 },
            batch(100) with { by: |item: &Heavy| item.number % 3, groups: 2 },
            :drive sink::discard()
        },
        3 => pipeline! {
            [input, errors]
            match |item| dice.roll(item.number, 4) {
                0 => { :block 2 tap(|item| fails(dice, item.number))? }
                1 => { :async 4 tap(async |item: &Heavy| call(dice, item).await)? }
                2 => { batch(50), :drive sink::discard() }
                _ => { filter(|item| item.bytes > 10) }
            },
            fold(0_u64, |sum, item: Heavy| *sum += item.bytes) with { most: 1_000 },
            :drive sink::discard()
        },
        4 => pipeline! {
            [input, errors]
            tee |item| item.number { 2 tap(|number| fails(dice, *number))?, batch(500), :drive sink::discard() },
            :block 2 map(|item| item) with { unordered },
            batch(500),
            :drive sink::discard()
        },
        6 => pipeline! {
            [input, errors]
            batch(1 + usize::try_from(dice.roll(5, 30)).unwrap()),
            :block 2 flat_map(|batch: Vec<Heavy>| batch),
            tap(|item| fails(dice, item.number))?,
            batch(9),
            flat_map(|batch| batch),
            batch(1_000),
            :drive sink::discard()
        },
        7 => {
            let inner = pipeline! { [input] 2 map(|item| item) };
            let again = source::weighed(inner.named("inner"), budget, Heavy::weight);
            pipeline! {
                [again, errors]
                :block 2 tap(|item| fails(dice, item.number))?,
                batch(3),
                tee |batch| batch.len() { batch(300), :drive sink::discard() },
                batch(300),
                :drive sink::discard()
            }
        }
        8 => pipeline! {
            [input, errors]
            :block 2 tap(|item| fails(dice, item.number))?,
            batch(100, bytes: 1 + dice.roll(5, 2 * HEAVIEST)),
            flat_map(|batch| batch),
            batch(1_000, bytes: 1 + dice.roll(6, 20 * HEAVIEST)) with { by: |item: &Heavy| item.number % 3, groups: 3 },
            :drive sink::discard()
        },
        5 => pipeline! {
            [input, errors]
            4 tap(|item| fails(dice, item.number))?,
            stateful(
                0_u64,
                |sum, item: Heavy| { *sum += item.bytes; sum.is_multiple_of(3).then_some(item) },
                |_sum| None::<Heavy>
            ) with { held: 1_000 },
            batch(30),
            :drive sink::discard()
        },
        _ => pipeline! {
            [input, errors]
            dedup(|item| item.number) with { most: 1_000 },
            :async 4 tap(async |item: &Heavy| call(dice, item).await)?
                with { timeout: Duration::from_secs(60) },
            :drive sink::each(move |item: Heavy| fails(dice, item.number ^ 7))
        },
    }
}

async fn ends(running: Running, end: End, dice: Dice) {
    let pauses = 20 * dice.roll(17, 30);
    match end {
        End::Left => {
            let report = running.await.unwrap();
            assert!(report.conserved(), "{report}");
        }
        End::Drained => {
            for _ in 0..pauses {
                tokio::task::yield_now().await;
            }
            let report = running.drain(Duration::from_secs(30)).await.unwrap();
            assert!(report.conserved(), "{report}");
        }
        End::Aborted => {
            for _ in 0..pauses {
                tokio::task::yield_now().await;
            }
            drop(running);
        }
    }
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![
        3 => Just(End::Left),
        1 => Just(End::Drained),
        1 => Just(End::Aborted),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn nothing_hangs_for_want_of_budget_and_no_more_is_alive_than_was_promised(
        seed: u64, bytes in prop_oneof![1..100_u64, 1_000..50_000_u64, 100_000..1_000_000_u64], end in end(), threads in 0..2_usize,
    ) {
        let _quiet = Quiet::new();
        let dice = Dice(seed);
        let runtime = if threads == 0 {
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
        } else {
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
        };
        let (budget, scale) = (Budget::new(bytes), Scale::default());
        let (sender, mut kept) = tokio::sync::mpsc::unbounded_channel();
        runtime.block_on(async {
            let running = pipeline(dice, sender, &budget, &scale).spawn();
            in_time(ends(running, end, dice)).await;
        });
        // What an abort leaves is let go of when its threads have returned.
        drop(runtime);
        let mut failures = Vec::new();
        while let Ok(failure) = kept.try_recv() {
            failures.push(failure);
        }
        let shared = Arc::new(std::time::Instant::now());
        while budget.usage().held > 0 || scale.live() > 0 {
            assert!(shared.elapsed() < Duration::from_secs(30), "{budget:?}, {} alive", scale.live());
            std::thread::sleep(Duration::from_millis(1));
        }
        let usage = budget.usage();
        // A drain takes in what is in hand beyond it, of each input.
        let beyond = if matches!(end, End::Drained) { 2 * HEAVIEST } else { 0 };
        prop_assert!(usage.peak <= bytes.max(HEAVIEST) + beyond, "{usage:?}");
        // Beside what is held: for each input an item in hand, and light ones for a sixteenth.
        let most = bytes.max(HEAVIEST) + 2 * (HEAVIEST + bytes / 16);
        let peak = u64::try_from(scale.peak()).unwrap();
        prop_assert!(peak <= most, "{peak} bytes were alive, at most {most}");
    }
}
