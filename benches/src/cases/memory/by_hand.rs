//! The same as most people write it.

use std::pin::pin;

use futures::{StreamExt as _, stream};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::count::Held;
use super::peak;
use crate::case::Sample;
use crate::rt::Consumer;

pub(super) fn run(items: u64) -> Sample {
    Consumer::Spawned.run(async move {
        let held = Held::default();
        let (sender, mut made) = mpsc::channel(1024);
        let source = held.items(items);
        tokio::spawn(async move {
            for item in source {
                if sender.send(item).await.is_err() {
                    break;
                }
            }
        });
        let (sender, mut passed) = mpsc::channel(1024);
        tokio::spawn(async move {
            while let Some(item) = made.recv().await {
                if sender.send(item).await.is_err() {
                    break;
                }
            }
        });
        // In order, so one thread at a time: a blocking thread with a channel on either side.
        let (sender, blocked) = mpsc::channel(1024);
        spawn_blocking(move || {
            while let Some(item) = passed.blocking_recv() {
                if sender.blocking_send(item).is_err() {
                    break;
                }
            }
        });
        let results = stream::unfold(blocked, async |mut items| {
            let item = items.recv().await?;
            Some((item, items))
        });
        let mut results = pin!(results.map(async |item| item).buffered(16));
        while let Some(item) = results.next().await {
            held.used(item);
        }
        held.end(items);
    });
    peak::sample()
}
