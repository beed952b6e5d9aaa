//! The runtimes that contenders run on, and where their consumer runs.

use std::future::Future;

use tokio::runtime::{Builder, Runtime};

use crate::case::Sample;

/// Where the last part of a contender runs: the one that uses up what comes out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Consumer {
    /// In a task, on a worker thread.
    Spawned,
    /// In `block_on`, on the main thread, as under `#[tokio::main]`.
    BlockOn,
}

impl Consumer {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Spawned, Self::BlockOn];

    /// The first where it is spawned, the second where it is not.
    pub fn pick<T>(self, spawned: T, block_on: T) -> T {
        match self {
            Self::Spawned => spawned,
            Self::BlockOn => block_on,
        }
    }

    /// For a heading.
    pub fn title(self) -> &'static str {
        self.pick("consumer in a spawned task", "consumer in `block_on`")
    }

    /// Measures a future that works through `items` items, on a fresh runtime with two worker threads.
    pub fn measure<F>(self, items: u64, future: F) -> Sample
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.measure_on(&runtime(2), items, future)
    }

    /// Measures a future that works through `items` items.
    pub fn measure_on<F>(self, runtime: &Runtime, items: u64, future: F) -> Sample
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Sample::of(items, || self.run_on(runtime, future))
    }

    /// Runs a future that measures by itself, on a fresh runtime with two worker threads.
    pub fn run<F>(self, future: F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.run_on(&runtime(2), future)
    }

    fn run_on<F>(self, runtime: &Runtime, future: F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static,
    {
        match self {
            Self::Spawned => runtime
                .block_on(async { tokio::spawn(future).await.expect("a contender panicked") }),
            Self::BlockOn => runtime.block_on(future),
        }
    }
}

/// A fresh multi-thread runtime.
pub fn runtime(workers: usize) -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .expect("threads can be had")
}
