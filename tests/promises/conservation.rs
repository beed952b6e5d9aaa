//! Promise 17: every item is accounted for, at every moment and at the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use brigade::{Plan, Report, prelude::*};
use proptest::prelude::*;

use crate::fakes::{counted, in_time};

/// What happens to an item in [`fate`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Emitted,
    Filtered,
    Failed,
    Panicked,
}

fn fate(x: u64, seed: u64) -> Fate {
    // A cheap hash.
    match (x ^ seed).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 60 {
        0 => Fate::Failed,
        1 => Fate::Panicked,
        2..=4 => Fate::Filtered,
        _ => Fate::Emitted,
    }
}

/// Counts what it decides, independently of the pipeline.
#[derive(Debug, Clone, Default)]
struct Ledger(Arc<[AtomicU64; 4]>);

impl Ledger {
    fn decide(&self, x: u64, seed: u64) -> Result<bool, &'static str> {
        let fate = fate(x, seed);
        self.0[fate as usize].fetch_add(1, Ordering::SeqCst);
        match fate {
            Fate::Emitted => Ok(true),
            Fate::Filtered => Ok(false),
            Fate::Failed => Err("failed"),
            Fate::Panicked => panic!("panicked"),
        }
    }

    fn of(&self, fate: Fate) -> u64 {
        self.0[fate as usize].load(Ordering::SeqCst)
    }

    fn failed(&self) -> u64 {
        self.of(Fate::Failed) + self.of(Fate::Panicked)
    }
}

/// At any moment: no more is resolved than came in, and no more is between than the plan allows.
fn accounts(report: &Report, plan: &Plan) {
    for row in &report.rows {
        let resolved = row.done + row.filtered + row.failed;
        assert!(resolved <= row.entered, "{report}");
        let own = plan
            .rows
            .iter()
            .find(|group| group.stages.contains(&row.name))
            .unwrap();
        let bound = own.max_items.max(own.window).max(1) as u64;
        assert!(
            row.entered - resolved <= bound,
            "{}: more than {bound}\n{report}\n{plan}",
            row.name
        );
        assert!(
            row.done >= row.emitted || row.name.contains("flat"),
            "{report}"
        );
    }
    for pair in report.rows.windows(2) {
        assert!(pair[1].entered <= pair[0].emitted, "{report}");
    }
    assert!(
        report.stage("source").unwrap().done - report.rows.last().unwrap().done
            <= sum_of_lost(report) + plan.max_items as u64,
        "{report}\n{plan}"
    );
}

fn sum_of_lost(report: &Report) -> u64 {
    report.rows[1..]
        .iter()
        .map(|row| row.filtered + row.failed)
        .sum()
}

/// Looks at snapshots until the end; the ledgers of the stages named `a`, `b` and `c` agree with the last one.
async fn is_conserved(
    pipeline: Pipeline<brigade::Driven>,
    ledgers: [Ledger; 3],
    written: Arc<AtomicU64>,
    failures: Arc<AtomicU64>,
    len: u64,
) {
    let plan = pipeline.plan();
    let running = pipeline.spawn();
    let handle = running.handle();
    let mut ended = tokio::spawn(running);
    let report = loop {
        accounts(&handle.report(), &plan);
        if ended.is_finished() {
            break in_time(&mut ended).await.unwrap().unwrap();
        }
        tokio::task::yield_now().await;
    };
    accounts(&report, &plan);
    assert!(report.conserved(), "{report}");
    assert_eq!(report.stage("source").unwrap().done, len);
    for (name, ledger) in ["a", "b", "c"].iter().zip(&ledgers) {
        let row = report.stage(name).unwrap();
        assert_eq!(row.filtered, ledger.of(Fate::Filtered), "{report}");
        assert_eq!(row.failed, ledger.failed(), "{report}");
        assert_eq!(row.done, ledger.of(Fate::Emitted), "{report}");
    }
    assert_eq!(
        report.rows.last().unwrap().done,
        written.load(Ordering::SeqCst)
    );
    let failed: u64 = ledgers.iter().map(Ledger::failed).sum();
    assert_eq!(failures.load(Ordering::SeqCst), failed);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_item_is_accounted_for_at_every_snapshot_and_at_the_end(
        len in 0_u64..3000,
        seed: u64,
        (n, m) in (1_usize..5, 1_usize..20),
        (buffer, window) in (1_usize..40, 20_usize..60),
        size in 1_usize..9,
        shape in 0..4,
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let _quiet = crate::fakes::Quiet::new();
        let (items, taken) = counted(0..len);
        let items = source::iter(items);
        let ledgers: [Ledger; 3] = Default::default();
        let [a, b, c] = ledgers.clone();
        let (written, failures) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let (writes, fails) = (Arc::clone(&written), Arc::clone(&failures));
        let errors = sink::each(move |_failure: Failure| {
            fails.fetch_add(1, Ordering::SeqCst);
        });
        runtime.block_on(async move {
            let sink = sink::each(move |_x: u64| {
                writes.fetch_add(1, Ordering::SeqCst);
            });
            let pipeline = match shape {
                0 => pipeline! {
                    [items, errors]
                    filter(|x| a.decide(*x, seed))? with { name: "a" },
                    :block (n) filter(|x| b.decide(*x, seed.rotate_left(8)))? with { name: "b", buffer: buffer, window: window },
                    filter(|x| c.decide(*x, seed.rotate_left(16)))? with { name: "c" },
                    :drive sink with { name: "sink" }
                },
                1 => pipeline! {
                    [items, errors]
                    (n) filter(|x| a.decide(*x, seed))? with { name: "a", window: window },
                    :async (m) filter(|x| async { tokio::task::yield_now().await; b.decide(*x, seed.rotate_left(8)) })? with { name: "b", buffer: buffer, unordered },
                    filter(|x| c.decide(*x, seed.rotate_left(16)))? with { name: "c" },
                    :drive (n) sink with { name: "sink", buffer: buffer }
                },
                2 => pipeline! {
                    [items, errors]
                    :async (m) filter(|x| async { tokio::task::yield_now().await; a.decide(*x, seed) })? with { name: "a", window: window },
                    batch(size),
                    flat_map(|batch| batch) with { name: "flat" },
                    :block (n) filter(|x| b.decide(*x, seed.rotate_left(8)))? with { name: "b", buffer: buffer, unordered },
                    1 filter(|x| c.decide(*x, seed.rotate_left(16)))? with { name: "c", buffer: buffer },
                    :drive sink with { name: "sink" }
                },
                _ => pipeline! {
                    [items, errors]
                    :block (n) filter(|x| a.decide(*x, seed))? with { name: "a", window: window, unordered },
                    :block (n) flat_map(move |x| std::iter::repeat_n(x, usize::try_from(x % 4).unwrap())) with { name: "flat", buffer: buffer },
                    filter(|x| b.decide(*x, seed.rotate_left(8)))? with { name: "b" },
                    (n) filter(|x| c.decide(*x, seed.rotate_left(16)))? with { name: "c", buffer: buffer },
                    :drive sink with { name: "sink" }
                },
            };
            is_conserved(pipeline, ledgers, written, failures, len).await;
        });
        prop_assert_eq!(taken.get() as u64, len);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn items_a_source_skips_or_fails_are_accounted_for() {
    use brigade::source::{Flow, Pulled, Source, SourceError};

    /// Skips the even numbers, and fails at every tenth odd one.
    struct Picky(u64);

    impl Source for Picky {
        type Item = u64;
        async fn pull(&mut self, max: usize, out: &mut Pulled<u64>) -> Result<Flow, SourceError> {
            while out.len() < max {
                match self.0 {
                    1000 => return Ok(Flow::End),
                    x if x % 2 == 0 => out.skip(1),
                    x if x % 20 == 1 => out.fail(SourceError::new("picky")),
                    x => out.push(x),
                }
                self.0 += 1;
            }
            Ok(Flow::More)
        }
    }

    for inline in [true, false] {
        let failures = crate::fakes::Kept::<Failure>::open();
        let errors = failures.clone();
        let report = if inline {
            let collect = pipeline! { [Picky(0), errors] map(|x| x) }.collect::<Vec<_>>();
            let handle = collect.handle();
            assert_eq!(in_time(collect).await.unwrap().len(), 450);
            handle.report()
        } else {
            in_time(pipeline! { [Picky(0), errors] 2 map(|x| x), :drive sink::each(|_x| ()) }.run())
                .await
                .unwrap()
        };
        let source = report.stage("source").unwrap();
        assert_eq!(
            (source.entered, source.done, source.filtered, source.failed),
            (1000, 450, 500, 50),
            "{report}"
        );
        assert!(report.conserved(), "{report}");
        assert_eq!(failures.items.len(), 50);
    }
}
