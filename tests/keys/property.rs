//! Promise 43: whatever kinds of stages there are, with whatever counts, windows and keys, whatever fails, is filtered or
//! tried again, whatever the counts are changed to and however it ends: the items of one key are worked on one at a time, in
//! order, nothing is lost or there twice, output is in order, and no more is held than the plan says.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use brigade::prelude::*;
use brigade::{Driven, Pipeline, Report};
use proptest::prelude::*;

use crate::changing::{Change, End, Seen, change, end};
use crate::watch::{Item, Level, Watch, until};

/// So many items there are, ten times as many where a drain is to find some that are not taken.
const ITEMS: u64 = 600;

const STAGES: [&str; 2] = ["first", "second"];

/// In what a stage runs.
#[derive(Debug, Clone, Copy)]
enum Runs {
    Tasks,
    Block,
    Pool,
    Async,
    /// As futures that hand their outputs on one by one.
    Flat,
}

#[derive(Debug, Clone, Copy)]
struct Stage {
    runs: Runs,
    unordered: bool,
    count: usize,
    window: usize,
}

#[derive(Debug, Clone, Copy)]
struct Shape {
    stages: [Stage; 2],
    /// How many keys there are.
    keys: u64,
    /// Whether items of the second stage are tried again.
    retries: bool,
}

/// What is to become of an item in a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Passes,
    Filtered,
    Fails,
    /// It has no key.
    Keyless,
    /// Fails when it is tried for the first time.
    Later,
}

/// What is to become of the items.
#[derive(Debug, Clone)]
struct Plot {
    /// The only one that fails.
    only: Option<u64>,
    retries: bool,
    tried: Arc<Mutex<HashSet<u64>>>,
    watches: [Watch; 2],
}

impl Plot {
    fn fate(&self, id: u64, stage: usize) -> Fate {
        if self.only == Some(id) {
            return Fate::Fails;
        }
        match (id ^ (stage as u64) << 40).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 60 {
            0 if self.only.is_none() => Fate::Fails,
            1 if self.only.is_none() && id.is_multiple_of(2) => Fate::Keyless,
            2 | 3 => Fate::Filtered,
            4 | 5 if stage == 1 && self.retries => Fate::Later,
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

    fn key(&self, item: &Item, stage: usize) -> Result<u64, &'static str> {
        match self.fate(item.id, stage) {
            Fate::Keyless if item.id.is_multiple_of(4) => {
                std::panic::resume_unwind(Box::new("no key"))
            }
            Fate::Keyless => Err("no key"),
            _ => Ok(item.key),
        }
    }

    fn begins(&self, item: &Item, stage: usize) {
        self.watches[stage].begins(item);
    }

    /// The call returns.
    fn sift(&self, item: Item, stage: usize) -> Result<Option<Item>, &'static str> {
        let fate = self.fate(item.id, stage);
        let again = match fate {
            Fate::Later => true,
            Fate::Fails => stage == 1 && self.retries,
            _ => false,
        };
        if again && self.tried.lock().unwrap().insert(item.id) {
            return Err("later");
        }
        self.watches[stage].ends(&item);
        match fate {
            Fate::Fails => Err("it fails"),
            Fate::Filtered => Ok(None),
            Fate::Keyless => unreachable!("it has no key"),
            Fate::Later | Fate::Passes => Ok(Some(item)),
        }
    }

    /// Some calls are dear, so that the pace changes and workers end out of turn.
    fn sift_slowly(&self, item: Item, stage: usize) -> Result<Option<Item>, &'static str> {
        self.begins(&item, stage);
        if item.id % 32 == stage as u64 {
            std::thread::sleep(Duration::from_micros(200));
        }
        self.sift(item, stage)
    }

    async fn sift_async(&self, item: Item, stage: usize) -> Result<Option<Item>, &'static str> {
        self.begins(&item, stage);
        if item.id % 32 == stage as u64 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        } else if item.id.is_multiple_of(3) {
            tokio::task::yield_now().await;
        }
        self.sift(item, stage)
    }
}

/// A stage in any of its forms. What it filters the stage behind it in its group does.
macro_rules! wired {
    ($stage:expr, $plot:expr, $number:literal, { $($with:tt)* }) => {{
        let Stage { runs, unordered, count, window } = $stage;
        let plot: Plot = $plot.clone();
        match (runs, unordered) {
            (Runs::Tasks, false) => pipeline! {
                use plot;
                (count) map(|item| plot.sift_slowly(item, $number))? with { by: |item| plot.key(item, $number)?, window: window, $($with)* },
                filter_map(|kept| kept),
            },
            (Runs::Tasks, true) => pipeline! {
                use plot;
                (count) map(|item| plot.sift_slowly(item, $number))? with { by: |item| plot.key(item, $number)?, window: window, unordered, $($with)* },
                filter_map(|kept| kept),
            },
            (Runs::Block, false) => pipeline! {
                use plot;
                :block (count) filter_map(|item| plot.sift_slowly(item, $number))? with { by: |item| plot.key(item, $number)?, window: window, $($with)* }
            },
            (Runs::Block, true) => pipeline! {
                use plot;
                :block (count) filter_map(|item| plot.sift_slowly(item, $number))? with { by: |item| plot.key(item, $number)?, window: window, unordered, $($with)* }
            },
            (Runs::Pool, false) => pipeline! {
                use plot;
                :block (count) filter_map(|item| plot.sift_slowly(item, $number))? with { by: |item| plot.key(item, $number)?, window: window, pool, $($with)* }
            },
            (Runs::Pool, true) => pipeline! {
                use plot;
                :block (count) filter_map(|item| plot.sift_slowly(item, $number))? with { by: |item| plot.key(item, $number)?, window: window, pool, unordered, $($with)* }
            },
            (Runs::Async, false) => pipeline! {
                use plot;
                :async (count) map(|item| async move { plot.sift_async(item, $number).await })? with { by: |item| plot.key(item, $number)?, window: window, $($with)* },
                filter_map(|kept| kept),
            },
            (Runs::Async, true) => pipeline! {
                use plot;
                :async (count) map(|item| async move { plot.sift_async(item, $number).await })? with { by: |item| plot.key(item, $number)?, window: window, unordered, $($with)* },
                filter_map(|kept| kept),
            },
            // What multiplies in order has no keys.
            (Runs::Flat, _) => pipeline! {
                use plot;
                :async (count) flat_map(|item| async move { plot.sift_async(item, $number).await })? with { by: |item| plot.key(item, $number)?, window: window, unordered, $($with)* }
            },
        }
    }};
}

/// Whole chunks, and then perhaps one item at a time, which may be tried again.
fn segment(shape: Shape, plot: &Plot) -> Segment<Item, Item> {
    let [first, second] = shape.stages;
    let first: Segment<Item, Item> = wired!(first, plot, 0, { name: "first" });
    let second: Segment<Item, Item> = if shape.retries {
        wired!(second, plot, 1, { name: "second", buffer: 2, retry: Retry::fixed(2, Duration::ZERO) })
    } else {
        wired!(second, plot, 1, { name: "second" })
    };
    pipeline! { through(first), through(second) }
}

/// Items by key and number.
type Written = Seen<(u64, u64)>;

/// What is run, and what is seen of it.
impl Shape {
    fn pipeline(self, seen: &Written, len: u64, alive: &Level, plot: &Plot) -> Pipeline<Driven> {
        let alive = alive.clone();
        let items = source::iter((0..len).map(move |id| {
            let key = id.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
            Item::of(id, key % self.keys, &alive)
        }));
        let (seen, failed) = (seen.clone(), Arc::clone(&seen.failed));
        let writing = sink::each(move |item: Item| seen.write((item.key, item.id)));
        let sifted = segment(self, plot);
        if plot.only.is_some() {
            return pipeline! { [items] through(sifted), :drive writing with { buffer: 3 } };
        }
        let failing = sink::each(move |_failure: Failure| *failed.lock().unwrap() += 1);
        pipeline! { [items, failing] through(sifted), :drive writing with { buffer: 3 } }
    }
}

fn in_order(written: &[(u64, u64)], shape: Shape, report: &Report) {
    let mut last = HashMap::new();
    for (key, id) in written {
        let before = last.insert(key, id);
        assert!(
            before < Some(id),
            "{id} of {key} behind {before:?}\n{report}"
        );
    }
    let is_ordered = shape.stages.iter().all(|stage| !stage.unordered);
    let ids = written.iter().map(|(_, id)| *id);
    assert!(!is_ordered || ids.is_sorted(), "{written:?}\n{report}");
}

async fn keys_are_kept(shape: Shape, changes: Vec<Change>, end: End) {
    let plot = Plot {
        only: end.only(),
        retries: shape.retries,
        tried: Arc::default(),
        watches: Default::default(),
    };
    let (seen, alive) = (Written::default(), Level::default());
    let pipeline = shape.pipeline(&seen, end.items(ITEMS), &alive, &plot);
    let plan = pipeline.plan();
    let unchanged = changes.is_empty();
    let running = pipeline.spawn();
    let changing = tokio::spawn(seen.clone().change(running.handle(), &STAGES, changes));
    let report = seen.ended(running, end, STAGES[0]).await;
    until("all items are let go of", || alive.now() == 0).await;
    changing.abort();
    for watch in &plot.watches {
        watch.most();
    }
    if unchanged {
        let flat = |stage: &Stage| match stage.runs {
            Runs::Flat => 2 * stage.count,
            _ => 0,
        };
        let most = plan.max_items + shape.stages.iter().map(flat).sum::<usize>();
        assert!(alive.peak() <= most, "{} alive\n{plan}", alive.peak());
    }
    let written = std::mem::take(&mut *seen.written.lock().unwrap());
    in_order(&written, shape, &report);
    let taken = 0..report.stage("source").unwrap().done;
    let passes = |id: &u64| matches!(plot.ends(*id), Fate::Passes | Fate::Later);
    let mut ids: Vec<_> = written.iter().map(|(_, id)| *id).collect();
    ids.sort_unstable();
    if end.is_whole() {
        assert!(report.conserved(), "{report}");
        let all = taken.end == ITEMS || matches!(end, End::Drain(_));
        assert!(all, "{report}");
        assert_eq!(ids, taken.clone().filter(passes).collect::<Vec<_>>());
        let fails = |id: &u64| matches!(plot.ends(*id), Fate::Fails | Fate::Keyless);
        let failed = taken.filter(fails).count() as u64;
        assert_eq!(*seen.failed.lock().unwrap(), failed);
        return;
    }
    let len = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), len, "written twice");
    assert!(ids.iter().all(passes), "{ids:?}");
}

fn stage() -> impl Strategy<Value = Stage> {
    let runs = prop_oneof![
        1 => Just(Runs::Tasks),
        1 => Just(Runs::Block),
        1 => Just(Runs::Pool),
        2 => Just(Runs::Async),
        1 => Just(Runs::Flat),
    ];
    let unordered = prop::bool::weighted(0.3);
    let window = prop_oneof![Just(6_usize), Just(16), Just(100)];
    (runs, unordered, 2_usize..6, window).prop_map(|(runs, unordered, count, window)| Stage {
        runs,
        unordered: unordered || matches!(runs, Runs::Flat),
        count,
        window,
    })
}

fn shape() -> impl Strategy<Value = Shape> {
    let keys = prop_oneof![Just(1_u64), 2_u64..6, Just(50)];
    (stage(), stage(), keys, any::<bool>()).prop_map(|(first, second, keys, retries)| Shape {
        stages: [first, second],
        keys,
        retries,
    })
}

fn count() -> impl Strategy<Value = usize> {
    prop_oneof![2 => Just(1_usize), 3 => 1_usize..10, 1 => 60_usize..70]
}

/// How many random pipelines are run.
fn cases() -> u32 {
    let cases = std::env::var("BRIGADE_KEYS_CASES");
    cases.map_or(40, |cases| cases.parse().expect("a number"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, max_shrink_iters: 16, ..ProptestConfig::default() })]

    #[test]
    fn items_of_a_key_are_worked_on_one_at_a_time_and_in_order_whatever_happens(
        shape in shape(),
        changes in prop_oneof![Just(Vec::new()), prop::collection::vec(change(STAGES.len(), count()), 1..12)],
        end in end(ITEMS),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let keeping = keys_are_kept(shape, changes, end);
        let in_time = async { tokio::time::timeout(Duration::from_secs(20), keeping).await };
        runtime.block_on(in_time).expect("something hangs");
    }
}
