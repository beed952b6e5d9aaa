//! Partitions by hand: a channel for each worker, and an item goes to the one that its key's hash says.

use std::hash::RandomState;
use std::sync::{Arc, mpsc as threads};
use std::thread;

use tokio::sync::mpsc;

use super::work::{COUNT, HELD, Item, Job, Results, WORKERS, Waits, items, partition};
use crate::case::Sample;
use crate::rt::Consumer;

/// A task for each worker.
pub(super) fn tasks_that_wait(keys: Arc<[u64]>, count: u64, waits: Waits) -> Sample {
    Consumer::Spawned.measure(count, async move {
        tasks(keys, count, COUNT, move |item| waits.run(item)).await;
    })
}

/// The same where the tasks calculate.
pub(super) fn tasks_that_work(keys: Arc<[u64]>, count: u64, job: Job) -> Sample {
    Consumer::Spawned.measure(count, async move {
        tasks(
            keys,
            count,
            WORKERS,
            move |item| async move { job.run(item) },
        )
        .await;
    })
}

async fn tasks<F>(
    keys: Arc<[u64]>,
    count: u64,
    workers: usize,
    run: impl Fn(Item) -> F + Send + Copy + 'static,
) where
    F: Future<Output = u64> + Send,
{
    let (out, mut results) = mpsc::channel(HELD);
    let partitions: Vec<_> = (0..workers)
        .map(|_worker| {
            let (sender, mut receiver) = mpsc::channel::<Item>(HELD / workers);
            let out = out.clone();
            tokio::spawn(async move {
                while let Some(item) = receiver.recv().await {
                    let result = run(item).await;
                    if out.send(result).await.is_err() {
                        return;
                    }
                }
            });
            sender
        })
        .collect();
    drop(out);
    tokio::spawn(async move {
        let hashing = RandomState::new();
        for item in items(&keys, count) {
            let worker = partition(&hashing, item, workers);
            if partitions[worker].send(item).await.is_err() {
                return;
            }
        }
    });
    let mut all = Results::default();
    while let Some(result) = results.recv().await {
        all.add(result);
    }
    all.end(count);
}

/// A thread for each worker.
pub(super) fn threads_that_work(keys: Arc<[u64]>, count: u64, job: Job) -> Sample {
    Consumer::Spawned.measure(count, async move {
        let (out, mut results) = mpsc::channel(HELD);
        let partitions: Vec<_> = (0..WORKERS)
            .map(|_worker| {
                let (sender, receiver) = threads::sync_channel::<Item>(HELD / WORKERS);
                let out = out.clone();
                thread::spawn(move || {
                    for item in receiver {
                        if out.blocking_send(job.run(item)).is_err() {
                            return;
                        }
                    }
                });
                sender
            })
            .collect();
        drop(out);
        thread::spawn(move || {
            let hashing = RandomState::new();
            for item in items(&keys, count) {
                let worker = partition(&hashing, item, WORKERS);
                if partitions[worker].send(item).is_err() {
                    return;
                }
            }
        });
        let mut all = Results::default();
        while let Some(result) = results.recv().await {
            all.add(result);
        }
        all.end(count);
    })
}
