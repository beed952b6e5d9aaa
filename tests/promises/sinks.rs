//! Promise 138, first half: `:drive n` makes n calls at the same time. And what each sink does with its items.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use brigade::{Stop, prelude::*};
use tokio::time::Instant;

use crate::fakes::{Gate, Level, Log, Quiet, idle, in_time};

/// Sleeps for a second in each call, of which `level` knows.
async fn second(level: Level) {
    let _inside = level.enter();
    tokio::time::sleep(Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_sink_of_futures_makes_as_many_calls_at_the_same_time_as_its_count() {
    for (items, writers, seconds) in [(8, 8, 1), (80, 8, 10), (81, 8, 11), (5, 1, 5), (100, 64, 2)]
    {
        let (started, level) = (Instant::now(), Level::default());
        let inside = level.clone();
        let run = pipeline! {
            [0..items]
            :drive (writers) sink::each_async(move |_x: u32| second(inside.clone())),
        }
        .run();
        let report = in_time(run).await.unwrap();
        let expected = usize::try_from(items).unwrap().min(writers);
        assert_eq!(level.peak(), expected);
        assert_eq!(
            started.elapsed().as_secs(),
            seconds,
            "{items} items, {writers} writers"
        );
        assert_eq!(report.stage("sink").unwrap().done, u64::from(items));
    }
}

#[tokio::test(start_paused = true)]
async fn dear_calls_are_spread_behind_stages_that_filter_and_fail_and_behind_hops() {
    let (started, level) = (Instant::now(), Level::default());
    let (inside, failures) = (level.clone(), sink::collect());
    let run = pipeline! {
        [0..96u32, failures.clone()]
        4 map(|x| x),
        filter(|x| x % 3 != 0),
        map(|x| if x % 3 == 1 { Ok(x) } else { Err("odd") })?,
        :drive 8 sink::each_async(move |_x| second(inside.clone())),
    }
    .run();
    in_time(run).await.unwrap();
    assert_eq!(failures.len(), 32);
    assert_eq!((level.peak(), started.elapsed().as_secs()), (8, 4));
}

#[tokio::test]
async fn cheap_calls_are_written_in_chunks() {
    let writes = std::sync::Arc::new(AtomicU64::new(0));
    /// Counts its writes.
    struct Counting(std::sync::Arc<AtomicU64>);
    impl sink::Sink<u32> for Counting {
        const BATCHES: bool = false;
        async fn write(&self, _items: Vec<u32>) -> Result<sink::Written, sink::SinkError<u32>> {
            self.0.fetch_add(1, Ordering::SeqCst);
            Ok(sink::Written::all())
        }
    }
    let counting = Counting(writes.clone());
    let run = pipeline! { [0..100_000u32] :drive counting }.run();
    in_time(run).await.unwrap();
    assert!(writes.load(Ordering::SeqCst) < 10_000);
}

#[tokio::test]
async fn a_sink_that_changes_what_it_captures_is_called_once_at_a_time_and_in_order() {
    let (mut last, seen) = (None, Log::default());
    let keep = seen.clone();
    let run = pipeline! {
        [0..1000u32]
        4 map(|x| x),
        :drive sink::each_mut(move |x| {
            let before = last.replace(x);
            keep.push(before);
        }),
    }
    .run();
    in_time(run).await.unwrap();
    let expected: Vec<_> = std::iter::once(None).chain((0..999).map(Some)).collect();
    assert_eq!(seen.take(), expected);
}

#[tokio::test]
async fn such_a_sink_has_one_writer_or_nothing_starts() {
    let mut seen = Vec::new();
    let run = pipeline! { [0..10u32] :drive 2 sink::each_mut(move |x| seen.push(x)) }.run();
    let failure = in_time(run).await.unwrap_err();
    assert!(
        matches!(failure.cause(), Cause::Stopped(Stop::Invalid(_))),
        "{failure}"
    );
    assert_eq!(
        failure.cause().to_string(),
        "stopped: stage `sink` has a count of 2, and a sink whose function is called once at a time; leave the count out, or use `sink::each` and share what it changes by a mutex or an atomic"
    );
}

#[tokio::test]
async fn a_call_of_such_a_sink_that_panics_or_fails_spares_its_neighbours() {
    let _quiet = Quiet::new();
    let (failures, mut sum) = (sink::collect::<Failure>(), 0);
    let run = pipeline! {
        [0..10u32, failures.clone()]
        :drive sink::each_mut(move |x| {
            sum += x;
            match x {
                3 => panic!("panicked"),
                5 => Err(format!("the sum is {sum}")),
                _ => Ok(()),
            }
        }),
    }
    .run();
    let report = in_time(run).await.unwrap();
    let causes: Vec<_> = failures
        .take()
        .iter()
        .map(|f| f.cause().to_string())
        .collect();
    assert_eq!(causes, ["panicked: panicked", "the sum is 15"]);
    assert_eq!(report.stage("sink").unwrap().done, 8);
}

#[tokio::test]
async fn discard_takes_anything_and_it_is_done() {
    let run = pipeline! { [0..1000u32] map(|x| x.to_string()), :drive 2 sink::discard() }.run();
    let report = in_time(run).await.unwrap();
    assert_eq!(report.stage("sink").unwrap().done, 1000);
}

#[tokio::test]
async fn lines_are_written_one_each_and_what_is_no_line_fails_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out.txt");
    let run = async |from: u32, sink| {
        let failures = sink::collect::<Failure>();
        let run = pipeline! {
            [from..from + 3, failures.clone()]
            map(|x| if x == 1 { "two\nlines".to_owned() } else { x.to_string() }),
            :drive sink,
        }
        .run();
        in_time(run).await.unwrap();
        failures.len()
    };
    assert_eq!(run(0, sink::lines(&file)).await, 1);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "0\n2\n");
    assert_eq!(run(7, sink::lines(&file).append()).await, 0);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "0\n2\n7\n8\n9\n");
    assert_eq!(run(7, sink::lines(&file)).await, 0);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "7\n8\n9\n");
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_stops_the_pipeline_and_says_which() {
    let file = sink::lines("/no/such/folder/out.txt");
    let run = pipeline! { [0..3u32] :drive file }.run();
    let failure = in_time(run).await.unwrap_err();
    assert!(
        matches!(failure.cause(), Cause::Stopped(Stop::Sink(_))),
        "{failure}"
    );
    assert!(
        failure.to_string().contains("`/no/such/folder/out.txt`"),
        "{failure}"
    );
    let cause = failure
        .cause()
        .error()
        .unwrap()
        .downcast_ref::<sink::LinesError>()
        .unwrap();
    assert_eq!(cause.io().kind(), std::io::ErrorKind::NotFound);
}

#[tokio::test]
async fn a_file_of_no_items_is_there_and_empty() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out.txt");
    let run = pipeline! { [0..0u32] :drive sink::lines(&file) }.run();
    assert!(!file.exists());
    in_time(run).await.unwrap();
    assert_eq!(std::fs::read(&file).unwrap(), b"");
}

#[tokio::test(start_paused = true)]
async fn never_more_calls_than_the_count_are_made_also_when_it_changes() {
    let (gate, level) = (Gate::closed(), Level::default());
    let (pass, inside) = (gate.clone(), level.clone());
    let running = pipeline! {
        [source::iter(0_u32..)]
        :drive 8 sink::each_async(move |_x| {
            let (pass, inside) = (pass.clone(), inside.clone());
            async move {
                let _inside = inside.enter();
                pass.pass().await;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }),
    }
    .spawn();
    let handle = running.handle();
    idle().await;
    assert_eq!(level.now(), 8);
    handle.set_count("sink", 3).unwrap();
    gate.open();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!((level.now(), level.peak()), (3, 8));
    handle.set_count("sink", 20).unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!((level.now(), level.peak()), (20, 20));
    in_time(running.abort()).await;
}

#[tokio::test(start_paused = true)]
async fn the_count_of_a_sink_with_one_writer_is_fixed() {
    let (gate, mut seen) = (Gate::closed(), Vec::new());
    let pass = gate.clone();
    let running = pipeline! {
        [0..10u32]
        :async 2 tap(|_x| { let pass = pass.clone(); async move { pass.pass().await } }),
        :drive sink::each_mut(move |x| seen.push(x)),
    }
    .spawn();
    idle().await;
    assert!(running.handle().set_count("sink", 2).is_err());
    gate.open();
    in_time(running).await.unwrap();
}
