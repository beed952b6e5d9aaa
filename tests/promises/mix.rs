//! Promise 15: stages of all kinds in any order, with any counts and the smallest buffers, neither deadlock nor break a
//! bound.

use brigade::prelude::*;
use proptest::prelude::*;

use crate::fakes::{Alive, Kept, Level, Log, Quiet, eventually, in_time};

/// In what a stage runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Runs {
    Fused,
    Tasks,
    Block,
    Pool,
    Async,
}

/// What it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Does {
    /// Passes on, filters, fails or panics.
    Sift,
    /// Emits 0 to 2 items for each.
    Multiply,
    /// Puts items into batches, and takes them out again.
    Batch,
}

#[derive(Debug, Clone, Copy)]
struct Stage {
    runs: Runs,
    does: Does,
    unordered: bool,
    count: usize,
    buffer: usize,
    window: usize,
}

/// What becomes of the item `id` in stage number `stage`.
fn fate(id: u64, stage: usize) -> u64 {
    (id ^ (stage as u64) << 40).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 60
}

fn sift(item: Alive, stage: usize) -> Result<Option<Alive>, &'static str> {
    match fate(item.id, stage) {
        0 => Err("failed"),
        1 => panic!("panicked"),
        2 | 3 => Ok(None),
        _ => Ok(Some(item)),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "a stage hands its item over")]
fn multiply(
    item: Alive,
    stage: usize,
    level: &Level,
) -> impl Iterator<Item = Alive> + Send + use<> {
    let level = level.clone();
    (0..fate(item.id, stage) % 3).map(move |_| Alive::new(item.id, &level))
}

/// The same on numbers alone.
fn expected(stages: &[Stage], ids: impl Iterator<Item = u64>) -> Vec<u64> {
    stages
        .iter()
        .enumerate()
        .fold(ids.collect(), |ids, (number, stage)| {
            let fate = |id: &u64| fate(*id, number);
            match stage.does {
                Does::Sift => ids.into_iter().filter(|id| fate(id) > 3).collect(),
                Does::Multiply => ids
                    .into_iter()
                    .flat_map(|id| std::iter::repeat_n(id, usize::try_from(fate(&id) % 3).unwrap()))
                    .collect(),
                Does::Batch => ids,
            }
        })
}

/// One stage, as a segment.
fn wire(stage: Stage, number: usize, level: Level) -> Segment<Alive, Alive> {
    let Stage {
        runs,
        does,
        unordered,
        count,
        buffer,
        window,
    } = stage;
    let sift = move |item| sift(item, number);
    let many = move |item| multiply(item, number, &level);
    match (does, runs, unordered) {
        (Does::Batch, ..) => {
            pipeline! { batch(count), 1 flat_map(|batch| batch) with { name: "unbatch", window: window } }
        }
        (Does::Sift, Runs::Fused, _) => pipeline! { filter_map(sift)? },
        (Does::Sift, Runs::Tasks, false) => {
            pipeline! { (count) filter_map(sift)? with { buffer: buffer, window: window } }
        }
        (Does::Sift, Runs::Tasks, true) => {
            pipeline! { (count) filter_map(sift)? with { buffer: buffer, window: window, unordered } }
        }
        (Does::Sift, Runs::Block, false) => {
            pipeline! { :block (count) filter_map(sift)? with { buffer: buffer, window: window } }
        }
        (Does::Sift, Runs::Block, true) => {
            pipeline! { :block (count) filter_map(sift)? with { buffer: buffer, window: window, unordered } }
        }
        (Does::Sift, Runs::Pool, false) => {
            pipeline! { :block (count) filter_map(sift)? with { buffer: buffer, window: window, pool } }
        }
        (Does::Sift, Runs::Pool, true) => {
            pipeline! { :block (count) filter_map(sift)? with { buffer: buffer, window: window, pool, unordered } }
        }
        (Does::Sift, Runs::Async, false) => pipeline! {
            :async (count) filter_map(|item| async move { tokio::task::yield_now().await; sift(item) })? with { buffer: buffer, window: window }
        },
        (Does::Sift, Runs::Async, true) => pipeline! {
            :async (count) filter_map(|item| async move { tokio::task::yield_now().await; sift(item) })? with { buffer: buffer, window: window, unordered }
        },
        (Does::Multiply, Runs::Fused, _) => pipeline! { flat_map(many) },
        (Does::Multiply, Runs::Tasks, false) => {
            pipeline! { (count) flat_map(many) with { buffer: buffer, window: window } }
        }
        (Does::Multiply, Runs::Tasks, true) => {
            pipeline! { (count) flat_map(many) with { buffer: buffer, window: window, unordered } }
        }
        (Does::Multiply, Runs::Block, false) => {
            pipeline! { :block (count) flat_map(many) with { buffer: buffer, window: window } }
        }
        (Does::Multiply, Runs::Block, true) => {
            pipeline! { :block (count) flat_map(many) with { buffer: buffer, window: window, unordered } }
        }
        (Does::Multiply, Runs::Pool, false) => {
            pipeline! { :block (count) flat_map(many) with { buffer: buffer, window: window, pool } }
        }
        (Does::Multiply, Runs::Pool, true) => {
            pipeline! { :block (count) flat_map(many) with { buffer: buffer, window: window, pool, unordered } }
        }
        (Does::Multiply, Runs::Async, false) => pipeline! {
            :async (count) flat_map(|item| async move { tokio::task::yield_now().await; many(item) }) with { buffer: buffer, window: window }
        },
        (Does::Multiply, Runs::Async, true) => pipeline! {
            :async (count) flat_map(|item| async move { tokio::task::yield_now().await; many(item) }) with { buffer: buffer, window: window, unordered }
        },
    }
}

fn chain(stages: &[Stage], level: &Level) -> Segment<Alive, Alive> {
    let segments = stages
        .iter()
        .enumerate()
        .map(|(number, stage)| wire(*stage, number, level.clone()));
    segments
        .reduce(|before, next| pipeline! { through(before), through(next) })
        .expect("at least one stage")
}

/// What the user's functions may hold beside the bound: a `flat_map`'s input and the output it is about to emit, and
/// the items in batches that are taken apart.
fn held_by_user(stages: &[Stage]) -> usize {
    let held = |stage: &Stage| match stage.does {
        Does::Sift => 0,
        Does::Multiply => 2 * stage.count,
        Does::Batch => stage.window * stage.count + 1,
    };
    stages.iter().map(held).sum()
}

async fn runs_to_its_end_within_its_bound(stages: Vec<Stage>, len: u64, writers: usize) {
    let level = Level::default();
    let items = source::iter({
        let level = level.clone();
        (0..len).map(move |id| Alive::new(id, &level))
    });
    let (kept, failures) = (Log::default(), Kept::<Failure>::open());
    let (written, errors) = (kept.clone(), failures.clone());
    let segment = chain(&stages, &level);
    let pipeline = pipeline! {
        [items, errors]
        through(segment),
        :drive (writers) sink::each(move |item: Alive| written.push(item.id)) with { buffer: writers }
    };
    let plan = pipeline.plan();
    let report = in_time(pipeline.run()).await.unwrap();
    assert!(report.conserved(), "{report}");
    let failed: u64 = report.rows.iter().map(|row| row.failed).sum();
    assert_eq!(failures.items.len() as u64, failed);
    let most = plan.max_items + held_by_user(&stages);
    assert!(
        level.peak() <= most,
        "{} alive, at most {most}\n{plan}",
        level.peak()
    );
    eventually("everything is dropped", || level.now() == 0).await;
    let (mut written, mut expected) = (kept.take(), expected(&stages, 0..len));
    if writers > 1 || stages.iter().any(|stage| stage.unordered) {
        written.sort_unstable();
        expected.sort_unstable();
    }
    assert_eq!(written, expected);
}

fn stage() -> impl Strategy<Value = Stage> {
    let runs = prop_oneof![
        Just(Runs::Fused),
        Just(Runs::Tasks),
        Just(Runs::Block),
        Just(Runs::Pool),
        Just(Runs::Async)
    ];
    let does =
        prop_oneof![3 => Just(Does::Sift), 2 => Just(Does::Multiply), 1 => Just(Does::Batch)];
    let small = prop_oneof![3 => 1_usize..3, 1 => 3_usize..20];
    (runs, does, any::<bool>(), 1_usize..5, small.clone(), small).prop_map(
        |(runs, does, unordered, count, buffer, window)| Stage {
            runs,
            does,
            unordered: unordered && runs != Runs::Fused && does != Does::Batch,
            count,
            buffer,
            window,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, max_shrink_iters: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_mix_of_stages_with_any_counts_and_buffers_neither_deadlocks_nor_breaks_a_bound(
        stages in proptest::collection::vec(stage(), 1..7),
        len in 0_u64..400,
        writers in 1_usize..4,
    ) {
        let _quiet = Quiet::new();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(runs_to_its_end_within_its_bound(stages, len, writers));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_chain_of_stages_with_buffers_of_1_does_not_deadlock() {
    let _quiet = Quiet::new();
    let kinds = [
        Runs::Tasks,
        Runs::Block,
        Runs::Async,
        Runs::Pool,
        Runs::Fused,
    ];
    let stages: Vec<Stage> = (0..15)
        .map(|number| Stage {
            runs: kinds[number % 5],
            does: if number == 7 {
                Does::Multiply
            } else {
                Does::Sift
            },
            unordered: number % 4 == 1 && number % 5 != 4,
            count: 1 + number % 3,
            buffer: 1,
            window: 1,
        })
        .collect();
    runs_to_its_end_within_its_bound(stages, 2000, 1).await;
}
