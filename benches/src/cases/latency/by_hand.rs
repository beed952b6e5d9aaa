//! The same as most people write it.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::brigade::step;
use super::times::Times;
use crate::case::Sample;
use crate::rt::Consumer;

pub(super) fn run(consumer: Consumer, pause: Duration, items: usize) -> Sample {
    consumer.run(async move {
        let (sender, mut arrived) = mpsc::channel(64);
        for _ in 0..3 {
            let (tx, rx) = mpsc::channel(64);
            let mut before = std::mem::replace(&mut arrived, rx);
            tokio::spawn(async move {
                while let Some(item) = before.recv().await {
                    if tx.send(step(item)).await.is_err() {
                        break;
                    }
                }
            });
        }
        let mut times = Times::of(items);
        for _ in 0..items {
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            sender.send((Instant::now(), 0)).await.expect("it is read");
            let (sent, steps) = arrived.recv().await.expect("it arrives");
            times.add(sent);
            assert_eq!(steps, 3);
        }
        times.sample(items)
    })
}
