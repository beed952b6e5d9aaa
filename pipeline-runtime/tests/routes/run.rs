//! One shape, run to its end or to a stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use pipeline_runtime::private::{Site, StageMeta, finish, open, with_errors};
use pipeline_runtime::{Failure, Report, sink, source};

use crate::random::Random;
use crate::shape::{Gets, Line, Shapes, beside, gets, keeps_order, tees};
use crate::wiring::{Alive, Level, Sunk, Wiring};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn seed(seed: u64) {
    let mut random = Random::of(seed);
    let mut shapes = Shapes {
        random: &mut random,
        stages: 0,
    };
    let line = shapes.line(2, false);
    let stages = shapes.stages;
    let items = random.from(0, 400) as u64;
    let stops = random.is(4);
    let case = Case {
        seed,
        line,
        items,
        site: site(stages),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        if stops {
            case.is_dropped(random.from(0, 50)).await;
        } else {
            case.ends().await;
        }
    });
}

/// Stages of names that nobody wrote.
fn site(stages: usize) -> &'static Site {
    let meta = |number: usize| StageMeta {
        name: Box::leak(format!("stage {number}").into_boxed_str()),
        line: 1,
        command: "stage",
        frames: &[],
        inlets: &[],
    };
    let stages: Vec<_> = (0..stages).map(meta).collect();
    Box::leak(Box::new(Site {
        file: "run.rs",
        stages: Box::leak(stages.into_boxed_slice()),
    }))
}

struct Case {
    seed: u64,
    line: Line,
    items: u64,
    site: &'static Site,
}

impl Case {
    fn says(&self, what: &str, report: &Report) -> String {
        format!(
            "{what}; BRIGADE_ROUTES_SEED={} repeats it\n{:#?}\n{report}",
            self.seed, self.line
        )
    }

    /// Whatever is there at one moment adds up.
    fn adds_up(&self, report: &Report) {
        for row in &report.rows {
            let resolved = row.done + row.filtered + row.failed;
            let what = "more is resolved than came in";
            assert!(resolved <= row.entered, "{}", self.says(what, report));
        }
    }

    /// At the end, what a `tee` has handed on has come into both lines, or was missed.
    fn tees_add_up(&self, report: &Report) {
        let row = |stage: usize| report.stage(&format!("stage {stage}")).unwrap();
        for tee in tees(&self.line) {
            let (main, side) = (row(tee.group.stage), row(tee.first()));
            let (came, says) = (
                side.entered + side.skipped,
                self.says("a tee does not add up", report),
            );
            assert_eq!(came, main.emitted, "{says}");
            assert!(tee.lossy.is_some() || side.skipped == 0, "{says}");
        }
    }

    async fn ends(&self) {
        let level = Arc::<Level>::default();
        let (sunk, failures) = (Sunk::default(), Arc::new(AtomicU64::new(0)));
        let wiring = Wiring {
            site: self.site,
            sunk: Arc::clone(&sunk),
        };
        let (made, failing) = (Arc::clone(&level), Arc::clone(&failures));
        let items = (0..self.items).map(move |id| Alive::new(id, &made));
        let port = wiring.line2(open(source::iter(items), self.site), &self.line);
        let count = move |failure: Failure| {
            failing.fetch_add(u64::from(!failure.is_aside()), Ordering::SeqCst);
        };
        let pipeline = with_errors(finish(port), sink::each(count));
        let most = pipeline.plan().max_items;
        let mut items = pipeline.stream();
        let handle = items.handle();
        let mut out = Vec::new();
        let all = async {
            while let Some(item) = items.next().await {
                let item = item.unwrap_or_else(|failure| panic!("{failure:#}"));
                out.push(item.id);
                drop(item);
                if out.len() % 64 == 3 {
                    // The consumer sleeps: what may wait waits.
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    self.adds_up(&handle.report());
                }
            }
        };
        let ended = tokio::time::timeout(PATIENCE, all).await;
        assert!(ended.is_ok(), "{}", self.says("it hangs", &handle.report()));
        let report = handle.report();
        let says = |what: &str| self.says(what, &report);
        let mut fates = Vec::new();
        for id in 0..self.items {
            let mut found = vec![(gets(&self.line, id), false)];
            beside(&self.line, id, false, &mut found);
            fates.extend(found.into_iter().map(|gets| (id, gets)));
        }
        let expected = |at: Gets| {
            let there = fates
                .iter()
                .filter(|(_, (gets, may_miss))| *gets == at && !may_miss);
            there.map(|(id, _)| *id).collect::<Vec<_>>()
        };
        if !keeps_order(&self.line) {
            out.sort_unstable();
        }
        assert_eq!(out, expected(Gets::Out), "{}", says("wrong output"));
        for (sink, written) in &mut *sunk.lock().unwrap() {
            written.sort_unstable();
            let misses = |(id, gets): &(u64, (Gets, bool))| {
                *gets == (Gets::Into(*sink), true) && !written.contains(id)
            };
            let missed = fates.iter().filter(|fate| misses(fate)).count();
            let all = fates
                .iter()
                .filter(|(_, (gets, _))| *gets == Gets::Into(*sink));
            if all.clone().any(|(_, (_, may_miss))| *may_miss) {
                let left = all.count() - missed;
                assert_eq!(written.len(), left, "{}", says("more than all in a sink"));
                continue;
            }
            assert_eq!(
                *written,
                expected(Gets::Into(*sink)),
                "{}",
                says("wrong in a sink")
            );
        }
        let failed = expected(Gets::Lost { failed: true }).len() as u64;
        assert_eq!(
            failures.load(Ordering::SeqCst),
            failed,
            "{}",
            says("failures")
        );
        assert!(report.conserved(), "{}", says("it does not add up"));
        self.adds_up(&report);
        self.tees_add_up(&report);
        // The consumer has one more in its hands; and what a side line has no room for is let go outside of the lock.
        let peak = level.most.load(Ordering::SeqCst);
        let loses = tees(&self.line).iter().any(|tee| tee.lossy.is_some());
        let over = if loses { 64 } else { 0 };
        assert!(
            peak <= most + 1 + over,
            "{}",
            says(&format!("{peak} items, and {most} were printed"))
        );
        assert_eq!(
            level.now.load(Ordering::SeqCst),
            0,
            "{}",
            says("items are left")
        );
    }

    /// The consumer goes away in the midst of it.
    async fn is_dropped(&self, after: usize) {
        let level = Arc::<Level>::default();
        let wiring = Wiring {
            site: self.site,
            sunk: Sunk::default(),
        };
        let made = Arc::clone(&level);
        let items = (0..).map(move |id| Alive::new(id, &made));
        let port = wiring.line2(open(source::iter(items), self.site), &self.line);
        let pipeline = with_errors(finish(port), sink::discard());
        let mut items = pipeline.stream();
        let handle = items.handle();
        let some = async {
            for _ in 0..after {
                let _ = items.next().await;
            }
        };
        // Any moment will do: perhaps nothing comes out of such a shape.
        let _ = tokio::time::timeout(Duration::from_millis(200), some).await;
        drop(items);
        let until = tokio::time::Instant::now() + PATIENCE;
        while level.now.load(Ordering::SeqCst) > 0 {
            let left = level.now.load(Ordering::SeqCst);
            let what = format!("{left} items are left after a stop");
            assert!(
                tokio::time::Instant::now() < until,
                "{}",
                self.says(&what, &handle.report())
            );
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}
