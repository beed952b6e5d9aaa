//! Stages built as the expansion of `pipeline!` builds them, without the macro.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use pipeline_runtime::private::{
    Cx, Delay, Entry, Never, Opts, Port, Site, StageMeta, Step, async_fn, batch, drive,
    drive_async, failed, finish, inline, open, stage, sync, with_errors, work,
};
use pipeline_runtime::{Cause, Failure, sink, source};
use proptest::prelude::*;

const fn meta(name: &'static str) -> StageMeta {
    StageMeta {
        name,
        line: 1,
        command: name,
        frames: &[],
        inlets: &[],
    }
}

static SITE: Site = Site {
    file: "builder.rs",
    stages: &[
        meta("first"),
        meta("second"),
        meta("third"),
        meta("fourth"),
        meta("fifth"),
    ],
};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

async fn in_time<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("something hangs")
}

/// What stage number `number` makes of an item.
fn sift(number: usize, item: u64) -> Step<u64, Never, ()> {
    match (item + number as u64) % 7 {
        0 => Step::Filtered(number),
        1 => failed(&SITE, number, 1, Cause::Panic("bad".into()), None),
        _ => Step::Emit(item + 1),
    }
}

fn sifted(stages: usize, items: impl Iterator<Item = u64>) -> Vec<u64> {
    (0..stages).fold(items.collect(), |items: Vec<u64>, number| {
        let left = items
            .into_iter()
            .filter(|item| (item + number as u64) % 7 > 1);
        left.map(|item| item + 1).collect()
    })
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Tasks,
    Block,
    Pool,
    Async,
}

#[derive(Debug, Clone, Copy)]
struct Written {
    kind: Kind,
    count: usize,
    buffer: Option<usize>,
    window: Option<usize>,
}

impl Written {
    fn opts(self, number: usize) -> Opts {
        let range = number..number + 1;
        let mut opts = match self.kind {
            Kind::Tasks => Opts::tasks(range, number),
            Kind::Block => Opts::block(range, number),
            Kind::Pool => Opts::block(range, number).pool(),
            Kind::Async => Opts::asynchronous(range, number),
        }
        .count(self.count);
        if let Some(buffer) = self.buffer {
            opts = opts.buffer(buffer);
        }
        if let Some(window) = self.window {
            opts = opts.window(window);
        }
        opts
    }

    fn wire(self, port: Port<u64, ()>, number: usize) -> Port<u64, ()> {
        let opts = self.opts(number);
        if !matches!(self.kind, Kind::Async) {
            let call = move |entry: Entry<u64, Never>, _cx: &Cx| sift(number, entry.fresh());
            return sync(port, opts, call);
        }
        let (half, work) = work(port, opts);
        let call = async_fn(&work, async move |entry: Entry<u64, Never>| {
            tokio::task::yield_now().await;
            sift(number, entry.fresh())
        });
        stage(half, move || {
            Box::pin(drive_async(work.clone(), Arc::clone(&call)))
        })
    }
}

fn written() -> impl Strategy<Value = Written> {
    let kind = prop_oneof![
        Just(Kind::Tasks),
        Just(Kind::Block),
        Just(Kind::Pool),
        Just(Kind::Async)
    ];
    let number = || proptest::option::of(1_usize..10);
    (kind, 1_usize..6, number(), number()).prop_map(|(kind, count, buffer, window)| Written {
        kind,
        count,
        buffer,
        window,
    })
}

async fn emits_what_is_left_in_order(stages: Vec<Written>, len: u64) {
    let failures = Arc::new(AtomicU64::new(0));
    let failing = Arc::clone(&failures);
    let port = stages.iter().enumerate().fold(
        open(source::iter(0..len), &SITE),
        |port, (number, stage)| stage.wire(port, number),
    );
    let pipeline = with_errors(
        finish(port),
        sink::each(move |_failure: Failure| {
            failing.fetch_add(1, Ordering::SeqCst);
        }),
    );
    let collect = pipeline.collect::<Vec<_>>();
    let handle = collect.handle();
    let output = in_time(collect).await.unwrap();
    assert_eq!(output, sifted(stages.len(), 0..len));
    let report = handle.report();
    assert!(report.conserved(), "{report}");
    assert_eq!(report.rows.len(), 1 + stages.len());
    let failed: u64 = report.rows.iter().map(|row| row.failed).sum();
    assert_eq!(failed, failures.load(Ordering::SeqCst));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, max_shrink_iters: 32, ..ProptestConfig::default() })]

    #[test]
    fn any_chain_of_groups_emits_what_is_left_in_order(
        stages in proptest::collection::vec(written(), 0..6),
        len in 0_u64..2000,
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(emits_what_is_left_in_order(stages, len));
    }
}

#[tokio::test]
async fn a_pipeline_without_workers_runs_where_it_is_polled() {
    let before = tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks();
    let pipeline = inline(source::iter(0..100_u64), &SITE, |entry, _cx: &Cx| {
        let item: u64 = Entry::<u64, Never>::fresh(entry);
        if item.is_multiple_of(2) {
            Step::<u64, Never, ()>::Emit(item)
        } else {
            Step::Filtered(1)
        }
    });
    let collect = pipeline.collect::<Vec<_>>();
    let handle = collect.handle();
    assert!(
        in_time(collect)
            .await
            .unwrap()
            .into_iter()
            .eq((0..100).step_by(2))
    );
    assert_eq!(handle.report().stage("second").unwrap().filtered, 50);
    let after = tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks();
    assert_eq!(after, before);
}

#[tokio::test]
async fn a_driven_pipeline_batches_and_writes() {
    let sum = Arc::new(AtomicU64::new(0));
    let adding = Arc::clone(&sum);
    let port = open::<_, ()>(source::iter(0..1000_u64), &SITE);
    let port = batch(port, Opts::tasks(0..1, 0), 64, None, |entry, _cx: &Cx| {
        Step::Emit(entry.fresh())
    });
    let pipeline = drive(
        port,
        Opts::asynchronous(1..2, 1).count(2),
        |entry: Entry<Vec<u64>, Never>, _cx: &Cx| Step::Emit(entry.fresh()),
        sink::each(move |items: Vec<u64>| {
            adding.fetch_add(items.iter().sum(), Ordering::SeqCst);
        }),
    );
    let report = in_time(pipeline.run()).await.unwrap();
    assert_eq!(sum.load(Ordering::SeqCst), (0..1000).sum::<u64>());
    assert_eq!(report.stage("first").unwrap().emitted, 16);
    assert_eq!(report.stage("second").unwrap().done, 16);
}

#[tokio::test]
async fn an_item_that_waits_for_another_attempt_keeps_its_turn() {
    let opts = Opts::asynchronous(0..1, 0).count(2).retries();
    let (half, work) = work(open::<_, ()>(source::iter(0..20_u64), &SITE), opts);
    let call = async_fn(&work, async move |entry: Entry<u64, u64>| match entry {
        Entry::Fresh(item) if item % 5 == 0 => Step::Again {
            item,
            attempt: 2,
            delay: Delay::Pause(Duration::from_millis(1)),
        },
        Entry::Fresh(item) | Entry::Again(item, ..) => Step::Emit(item),
    });
    let port = stage(half, move || {
        Box::pin(drive_async(work.clone(), Arc::clone(&call)))
    });
    let collect = finish(port).collect::<Vec<_>>();
    let handle = collect.handle();
    assert!(in_time(collect).await.unwrap().into_iter().eq(0..20));
    assert_eq!(handle.report().stage("first").unwrap().retries, 4);
}
