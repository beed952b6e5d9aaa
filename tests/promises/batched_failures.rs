//! Promise 138: what failed in a chunk reaches the errors end in one write, in order.

use std::time::Duration;

use brigade::prelude::*;
use brigade::sink::{Sink, SinkError, Written};
use brigade::source::{Flow, Pulled, Source, SourceError};

use crate::fakes::{Gate, Log, eventually, in_time};

/// How many items fail.
const ALL: u64 = 10_000;

/// An errors end that keeps each write as it is, and takes its time for each.
#[derive(Clone, Default)]
struct Writes {
    writes: Log<Vec<u64>>,
    takes: Duration,
}

impl<T: Send + 'static> Sink<Failure<T>> for Writes {
    async fn write(&self, failures: Vec<Failure<T>>) -> Result<Written, SinkError<Failure<T>>> {
        std::thread::sleep(self.takes);
        let number = |failure: Failure<T>| failure.cause().to_string().parse().unwrap();
        self.writes.push(failures.into_iter().map(number).collect());
        Ok(Written::all())
    }
}

/// Fails with its number.
fn fails(x: u64) -> Result<u64, String> {
    Err(x.to_string())
}

/// Failures of the source, and an item behind each.
struct Broken(u64);

impl Source for Broken {
    type Item = u64;
    async fn pull(&mut self, max: usize, out: &mut Pulled<u64>) -> Result<Flow, SourceError> {
        for _ in 0..max {
            match self.0 {
                end if end == 2 * ALL => return Ok(Flow::End),
                x if x.is_multiple_of(2) => out.fail(SourceError::new((x / 2).to_string())),
                x => out.push(x),
            }
            self.0 += 1;
        }
        Ok(Flow::More)
    }
}

/// A sink that refuses every number.
struct Refusing;

impl Sink<u64> for Refusing {
    async fn write(&self, items: Vec<u64>) -> Result<Written, SinkError<u64>> {
        let mut written = Written::all();
        for (index, item) in items.into_iter().enumerate() {
            written.fail(index, item.to_string());
        }
        Ok(written)
    }
}

/// Runs pipelines all of whose items fail.
macro_rules! reports_in_batches {
    ($($name:ident: |$errors:ident| $pipeline:expr;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let writes = Writes::default();
            let $errors = writes.clone();
            let report = in_time($pipeline.run()).await.unwrap();
            assert!(report.conserved());
            let writes = writes.writes.take();
            let most = writes.iter().map(Vec::len).max().unwrap();
            let mut failed: Vec<_> = writes.concat();
            assert!(failed.is_sorted() || stringify!($name).contains("two"), "out of order");
            failed.sort_unstable();
            assert_eq!(failed, (0..ALL).collect::<Vec<_>>());
            assert!(most > 1, "one by one");
            assert!(most <= 1024, "{most} in one write");
        }
    )*};
}

reports_in_batches! {
    failures_of_a_task_are_written_in_batches: |errors| pipeline! {
        [0..ALL, errors] 1 map(fails)?, :drive sink::each(|_x| ())
    };
    failures_of_a_thread_are_written_in_batches: |errors| pipeline! {
        [0..ALL, errors] :block map(fails)?, :drive sink::each(|_x| ())
    };
    failures_of_two_threads_are_written_in_batches: |errors| pipeline! {
        [0..ALL, errors] :block 2 map(fails)?, :drive sink::each(|_x| ())
    };
    failures_on_the_pool_are_written_in_batches: |errors| pipeline! {
        [0..ALL, errors] :block map(fails)? with { pool }, :drive sink::each(|_x| ())
    };
    failures_of_two_or_more_futures_are_written_in_batches: |errors| pipeline! {
        [0..ALL, errors] :async 64 map(|x| async move { fails(x) })?, :drive sink::each(|_x| ())
    };
    failures_of_stages_before_a_sink_are_written_in_batches: |errors| pipeline! {
        [0..ALL, errors] map(fails)?, :drive sink::each(|_x| ())
    };
    failures_of_a_sink_are_written_in_batches: |errors| pipeline! {
        [0..ALL, errors] :drive Refusing
    };
    failures_of_a_source_are_written_in_batches: |errors| pipeline! {
        [Broken(0), errors] :block map(|x| x), :drive sink::each(|_x| ())
    };
}

/// The time that an errors end takes is not the stage's: its chunks do not shrink to single items.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_errors_end_does_not_make_chunks_small() {
    let writes = Writes {
        takes: Duration::from_millis(1),
        ..Writes::default()
    };
    let run = pipeline! {
        [0..ALL, writes.clone()]
        :block map(fails)?,
        :drive sink::each(|_x| ())
    };
    in_time(run.run()).await.unwrap();
    let count = writes.writes.len() as u64;
    assert!(count < ALL / 10, "{count} writes");
}

/// An errors end whose first write waits at a gate.
#[derive(Clone)]
struct Gated(Writes, Gate);

impl<T: Send + 'static> Sink<Failure<T>> for Gated {
    async fn write(&self, failures: Vec<Failure<T>>) -> Result<Written, SinkError<Failure<T>>> {
        let written = self.0.write(failures).await;
        self.1.pass().await;
        written
    }
}

/// What failed keeps its place among the items that a stage may hold, and so bounds what gathers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_write_takes_long_failures_gather_up_to_the_window_for_the_next() {
    const WINDOW: usize = 64;
    let errors = Gated(Writes::default(), Gate::closed());
    let running = pipeline! {
        [0..ALL, errors.clone()]
        :block 2 map(fails)? with { window: 64 },
        :drive sink::each(|_x| ())
    }
    .spawn();
    let failed = || running.report().rows[1].failed;
    in_time(eventually("a full window", || failed() == WINDOW as u64)).await;
    errors.1.open();
    let report = in_time(running).await.unwrap();
    assert!(report.conserved());
    let writes = errors.0.writes.take();
    // The first may begin late, and have it all.
    let first_two: usize = writes.iter().take(2).map(Vec::len).sum();
    assert!(first_two >= WINDOW, "what gathered is one write");
    assert!(writes.iter().all(|write| write.len() <= WINDOW));
    assert_eq!(writes.concat().len() as u64, ALL);
}
