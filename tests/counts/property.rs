//! Promise 71: whatever the counts are changed to while a pipeline runs and however it ends, nothing is lost, nothing is
//! there twice, and order is kept.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use brigade::prelude::*;
use brigade::{Driven, Pipeline, Report, Running};
use proptest::prelude::*;

use crate::changing::{Change, End, Seen, change, end};
use crate::until;

/// So many items there are, ten times as many where a drain is to find some that are not taken.
const ITEMS: u64 = 1200;

const STAGES: [&str; 3] = ["first", "second", "writing"];

/// In what a stage runs.
#[derive(Debug, Clone, Copy)]
enum Runs {
    Tasks,
    Block,
    Pool,
    Async,
}

#[derive(Debug, Clone, Copy)]
struct Stage {
    runs: Runs,
    unordered: bool,
    count: usize,
}

#[derive(Debug, Clone)]
struct Item {
    id: u64,
    _alive: Arc<()>,
}

/// What is to become of the items.
#[derive(Debug, Clone)]
struct Plot {
    /// The only one that fails.
    only: Option<u64>,
    tried: Arc<Mutex<HashSet<u64>>>,
}

/// What is to become of one of them in a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Passes,
    Filtered,
    Fails,
    /// Fails when it is tried for the first time.
    Later,
}

impl Plot {
    fn new(only: Option<u64>) -> Self {
        let tried = Arc::default();
        Self { only, tried }
    }

    fn fate(&self, id: u64, stage: u64) -> Fate {
        if self.only == Some(id) {
            return Fate::Fails;
        }
        match (id ^ stage << 40).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 60 {
            0 if self.only.is_none() => Fate::Fails,
            1 | 2 => Fate::Filtered,
            3 if stage == 1 => Fate::Later,
            _ => Fate::Passes,
        }
    }

    /// In both stages.
    fn ends(&self, id: u64) -> Fate {
        match self.fate(id, 0) {
            Fate::Passes => self.fate(id, 1),
            fate => fate,
        }
    }

    fn sift(&self, item: Item, stage: u64) -> Result<Option<Item>, &'static str> {
        match self.fate(item.id, stage) {
            Fate::Fails => Err("it fails"),
            Fate::Filtered => Ok(None),
            Fate::Later if self.tried.lock().unwrap().insert(item.id) => Err("later"),
            Fate::Later | Fate::Passes => Ok(Some(item)),
        }
    }

    /// Some calls are dear, so that the pace changes and workers end out of turn.
    fn sift_slowly(&self, item: Item, stage: u64) -> Result<Option<Item>, &'static str> {
        if item.id % 64 == stage {
            std::thread::sleep(Duration::from_micros(200));
        }
        self.sift(item, stage)
    }

    async fn sift_async(&self, item: Item, stage: u64) -> Result<Option<Item>, &'static str> {
        if item.id % 64 == stage {
            tokio::time::sleep(Duration::from_millis(1)).await;
        } else if item.id.is_multiple_of(3) {
            tokio::task::yield_now().await;
        }
        self.sift(item, stage)
    }
}

/// A stage in any of its forms.
macro_rules! wired {
    ($stage:expr, $plot:expr, $number:literal, { $($with:tt)* }) => {{
        let Stage { runs, unordered, count } = $stage;
        let plot: Plot = $plot.clone();
        match (runs, unordered) {
            (Runs::Tasks, false) => pipeline! {
                (count) filter_map(move |item| plot.sift_slowly(item, $number))? with { $($with)* }
            },
            (Runs::Tasks, true) => pipeline! {
                (count) filter_map(move |item| plot.sift_slowly(item, $number))? with { unordered, $($with)* }
            },
            (Runs::Block, false) => pipeline! {
                :block (count) filter_map(move |item| plot.sift_slowly(item, $number))? with { $($with)* }
            },
            (Runs::Block, true) => pipeline! {
                :block (count) filter_map(move |item| plot.sift_slowly(item, $number))? with { unordered, $($with)* }
            },
            (Runs::Pool, false) => pipeline! {
                :block (count) filter_map(move |item| plot.sift_slowly(item, $number))? with { pool, $($with)* }
            },
            (Runs::Pool, true) => pipeline! {
                :block (count) filter_map(move |item| plot.sift_slowly(item, $number))? with { pool, unordered, $($with)* }
            },
            (Runs::Async, false) => pipeline! {
                use plot;
                :async (count) filter_map(|item| async move { plot.sift_async(item, $number).await })? with { $($with)* }
            },
            (Runs::Async, true) => pipeline! {
                use plot;
                :async (count) filter_map(|item| async move { plot.sift_async(item, $number).await })? with { unordered, $($with)* }
            },
        }
    }};
}

/// Chunks under automatic bounds, and then one item at a time, which may be tried again, in a narrow window.
fn segment(stages: [Stage; 2], plot: &Plot) -> Segment<Item, Item> {
    let first: Segment<Item, Item> = wired!(stages[0], plot, 0, { name: "first" });
    let second: Segment<Item, Item> = wired!(stages[1], plot, 1, {
        name: "second", window: 16, buffer: 2, retry: Retry::fixed(2, Duration::ZERO)
    });
    pipeline! { through(first), through(second) }
}

fn spawn(seen: &Seen<u64>, stages: [Stage; 2], len: u64, alive: &Arc<()>, plot: &Plot) -> Running {
    let alive = Arc::clone(alive);
    let items = source::iter((0..len).map(move |id| Item {
        id,
        _alive: Arc::clone(&alive),
    }));
    let (seen, failed) = (seen.clone(), Arc::clone(&seen.failed));
    let writing = sink::each(move |item: Item| seen.write(item.id));
    let sifted = segment(stages, plot);
    let pipeline: Pipeline<Driven> = if plot.only.is_some() {
        pipeline! { [items] through(sifted), :drive writing }
    } else {
        let failing = sink::each(move |_failure: Failure| *failed.lock().unwrap() += 1);
        pipeline! { [items, failing] through(sifted), :drive writing }
    };
    pipeline.spawn()
}

/// Whatever is not done, filtered or failed is on its way in a stage, or between two.
fn accounts(report: &Report) {
    for row in &report.rows {
        assert!(
            row.done + row.filtered + row.failed <= row.entered,
            "{report}"
        );
    }
    for pair in report.rows.windows(2) {
        assert_eq!(pair[0].emitted, pair[0].done, "{report}");
        assert!(pair[1].entered <= pair[0].emitted, "{report}");
    }
}

async fn nothing_is_lost(stages: [Stage; 2], changes: Vec<Change>, end: End) {
    let is_ordered = stages.iter().all(|stage| !stage.unordered)
        // Several writers write side by side.
        && changes.iter().all(|change| change.stage != 2);
    let (plot, seen, alive) = (Plot::new(end.only()), Seen::default(), Arc::new(()));
    let running = spawn(&seen, stages, end.items(ITEMS), &alive, &plot);
    let changing = tokio::spawn(seen.clone().change(running.handle(), &STAGES, changes));
    let handle = running.handle();
    let report = seen.ended(running, end, STAGES[0]).await;
    until("all items are let go of", || Arc::strong_count(&alive) == 1).await;
    changing.abort();
    accounts(&report);
    accounts(&handle.report());
    let mut written = std::mem::take(&mut *seen.written.lock().unwrap());
    if !is_ordered {
        written.sort_unstable();
    }
    assert!(
        written.windows(2).all(|pair| pair[0] < pair[1]),
        "twice, or out of order: {written:?}\n{report}"
    );
    let taken = 0..report.stage("source").unwrap().done;
    let passes = |id: &u64| matches!(plot.ends(*id), Fate::Passes | Fate::Later);
    if end.is_whole() {
        assert!(report.conserved(), "{report}");
        assert!(
            taken.end == ITEMS || matches!(end, End::Drain(_)),
            "{report}"
        );
        assert_eq!(written, taken.clone().filter(passes).collect::<Vec<_>>());
        let fails = |id: &u64| plot.ends(*id) == Fate::Fails;
        assert_eq!(
            *seen.failed.lock().unwrap(),
            taken.filter(fails).count() as u64
        );
        return;
    }
    assert!(written.iter().all(passes), "{written:?}");
    let sink = handle.report().rows.pop().unwrap();
    let many = written.len() as u64;
    assert!(
        (sink.done..=sink.entered).contains(&many),
        "{many}\n{report}"
    );
}

fn stage() -> impl Strategy<Value = Stage> {
    let runs = prop_oneof![
        Just(Runs::Tasks),
        Just(Runs::Block),
        Just(Runs::Pool),
        Just(Runs::Async)
    ];
    let unordered = prop::bool::weighted(0.3);
    (runs, unordered, 1_usize..5).prop_map(|(runs, unordered, count)| Stage {
        runs,
        unordered,
        count,
    })
}

fn count() -> impl Strategy<Value = usize> {
    prop_oneof![
        2 => Just(1),
        3 => 1_usize..10,
        // As many as are made at once, and as many as there can be.
        1 => 60_usize..70,
        1 => Just(usize::MAX),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, max_shrink_iters: 16, ..ProptestConfig::default() })]

    #[test]
    fn counts_that_change_at_any_moment_lose_nothing_double_nothing_and_change_no_order(
        stages in [stage(), stage()],
        // Without the sink's, whose writers write in any order, or with it.
        changes in (2_usize..4).prop_flat_map(|stages| prop::collection::vec(change(stages, count()), 1..12)),
        end in end(ITEMS),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let ending = nothing_is_lost(stages, changes, end);
        let in_time = async { tokio::time::timeout(Duration::from_secs(60), ending).await };
        runtime.block_on(in_time).expect("something hangs");
    }
}
