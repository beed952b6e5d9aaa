//! The same three stages as the users of other crates would write them.

use std::thread;

use futures::{StreamExt as _, stream};
use par_stream::prelude::*;
use tokio::sync::mpsc;

use super::load::{Check, Load};
use crate::case::Sample;
use crate::rt::Consumer;

/// What most people write: a task a stage, and a bounded channel between two.
pub(in crate::cases) fn by_hand<T: Load>(consumer: Consumer, items: u64) -> Sample {
    consumer.measure(items, async move {
        let (tx, mut last) = mpsc::channel(1024);
        tokio::spawn(async move {
            for number in 0..items {
                if tx.send(T::make(number)).await.is_err() {
                    break;
                }
            }
        });
        for _ in 0..3 {
            let (tx, rx) = mpsc::channel(1024);
            let mut before = std::mem::replace(&mut last, rx);
            tokio::spawn(async move {
                while let Some(item) = before.recv().await {
                    if tx.send(item.step()).await.is_err() {
                        break;
                    }
                }
            });
        }
        let mut check = Check::new();
        while let Some(item) = last.recv().await {
            check.item(item);
        }
        check.end(items);
    })
}

/// The same with fewer wake-ups: each stage takes all that is there at once, and still sends one by one.
pub(in crate::cases) fn many<T: Load>(consumer: Consumer, items: u64) -> Sample {
    const MANY: usize = 256;
    consumer.measure(items, async move {
        let (tx, mut last) = mpsc::channel(1024);
        tokio::spawn(async move {
            for number in 0..items {
                if tx.send(T::make(number)).await.is_err() {
                    break;
                }
            }
        });
        for _ in 0..3 {
            let (tx, rx) = mpsc::channel(1024);
            let mut before = std::mem::replace(&mut last, rx);
            tokio::spawn(async move {
                let mut taken = Vec::with_capacity(MANY);
                while before.recv_many(&mut taken, MANY).await > 0 {
                    for item in taken.drain(..) {
                        if tx.send(item.step()).await.is_err() {
                            return;
                        }
                    }
                }
            });
        }
        let mut check = Check::new();
        let mut taken = Vec::with_capacity(MANY);
        while last.recv_many(&mut taken, MANY).await > 0 {
            for item in taken.drain(..) {
                check.item(item);
            }
        }
        check.end(items);
    })
}

/// What people write who have measured the above: `Vec`s of items, changed in place. Four of 256 in a channel are 1,024
/// items; another 256 are in each stage, and a chunk waits until it is full.
pub(in crate::cases) fn chunks<T: Load>(consumer: Consumer, items: u64) -> Sample {
    const CHUNK: usize = 256;
    consumer.measure(items, async move {
        let (tx, mut last) = mpsc::channel::<Vec<T>>(1024 / CHUNK);
        tokio::spawn(async move {
            let mut numbers = 0..items;
            loop {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.extend(numbers.by_ref().take(CHUNK).map(T::make));
                if chunk.is_empty() || tx.send(chunk).await.is_err() {
                    break;
                }
            }
        });
        for _ in 0..3 {
            let (tx, rx) = mpsc::channel(1024 / CHUNK);
            let mut before = std::mem::replace(&mut last, rx);
            tokio::spawn(async move {
                while let Some(chunk) = before.recv().await {
                    // The standard library does this in the memory of the old one.
                    let chunk: Vec<T> = chunk.into_iter().map(T::step).collect();
                    if tx.send(chunk).await.is_err() {
                        break;
                    }
                }
            });
        }
        let mut check = Check::new();
        while let Some(chunk) = last.recv().await {
            for item in chunk {
                check.item(item);
            }
        }
        check.end(items);
    })
}

/// As by hand, with the fastest channel of those that look like tokio's.
pub(in crate::cases) fn kanal<T: Load>(consumer: Consumer, items: u64) -> Sample {
    consumer.measure(items, async move {
        let (tx, mut last) = kanal::bounded_async(1024);
        tokio::spawn(async move {
            for number in 0..items {
                if tx.send(T::make(number)).await.is_err() {
                    break;
                }
            }
        });
        for _ in 0..3 {
            let (tx, rx) = kanal::bounded_async(1024);
            let before = std::mem::replace(&mut last, rx);
            tokio::spawn(async move {
                while let Ok(item) = before.recv().await {
                    if tx.send(item.step()).await.is_err() {
                        break;
                    }
                }
            });
        }
        let mut check = Check::new();
        while let Ok(item) = last.recv().await {
            check.item(item);
        }
        check.end(items);
    })
}

/// A thread a stage. Its consumer is in a thread of its own, or in the main thread.
pub(in crate::cases) fn crossbeam<T: Load>(consumer: Consumer, items: u64) -> Sample {
    Sample::of(items, || {
        let (tx, mut last) = crossbeam_channel::bounded(1024);
        thread::spawn(move || {
            for number in 0..items {
                if tx.send(T::make(number)).is_err() {
                    break;
                }
            }
        });
        for _ in 0..3 {
            let (tx, rx) = crossbeam_channel::bounded(1024);
            let before = std::mem::replace(&mut last, rx);
            thread::spawn(move || {
                for item in before {
                    if tx.send(item.step()).is_err() {
                        break;
                    }
                }
            });
        }
        let consume = move || {
            let mut check = Check::new();
            for item in last {
                check.item(item);
            }
            check.end(items);
        };
        match consumer {
            Consumer::Spawned => thread::spawn(consume).join().expect("a contender panicked"),
            Consumer::BlockOn => consume(),
        }
    })
}

/// No task at all: each stage keeps its futures in a queue.
pub(in crate::cases) fn buffered<T: Load>(consumer: Consumer, items: u64) -> Sample {
    consumer.measure(items, async move {
        let mut stream = stream::iter(0..items)
            .map(T::make)
            .map(async |item: T| item.step())
            .buffered(1024)
            .map(async |item: T| item.step())
            .buffered(1024)
            .map(async |item: T| item.step())
            .buffered(1024);
        let mut check = Check::new();
        while let Some(item) = stream.next().await {
            check.item(item);
        }
        check.end(items);
    })
}

/// Its way to run one function a stage: on a blocking thread, with a channel behind it.
pub(in crate::cases) fn par_stream<T: Load>(consumer: Consumer, items: u64) -> Sample {
    consumer.measure(items, async move {
        let mut stream = stream::iter(0..items)
            .map(T::make)
            .map_blocking(1024, T::step)
            .map_blocking(1024, T::step)
            .map_blocking(1024, T::step);
        let mut check = Check::new();
        while let Some(item) = stream.next().await {
            check.item(item);
        }
        check.end(items);
    })
}

/// `backpressure` is its name for a buffer behind a stage.
pub(in crate::cases) fn pumps<T: Load>(consumer: Consumer, items: u64) -> Sample {
    use pumps::{Concurrency, Pipeline};

    consumer.measure(items, async move {
        let (mut output, _) = Pipeline::from_iter((0..items).map(T::make))
            .backpressure(1024)
            .map(|item: T| async { item.step() }, Concurrency::serial())
            .backpressure(1024)
            .map(|item: T| async { item.step() }, Concurrency::serial())
            .backpressure(1024)
            .map(|item: T| async { item.step() }, Concurrency::serial())
            .backpressure(1024)
            .build();
        let mut check = Check::new();
        while let Some(item) = output.recv().await {
            check.item(item);
        }
        check.end(items);
    })
}
