//! brigade's own contender.

use std::pin::pin;
use std::time::{Duration, Instant};

use brigade::prelude::*;
use futures::{Stream, StreamExt as _};
use tokio::sync::mpsc;

use super::times::Times;
use crate::case::Sample;
use crate::rt::Consumer;

/// A stage that takes the number of steps one further.
pub(super) fn step((sent, steps): (Instant, u32)) -> (Instant, u32) {
    (sent, steps + 1)
}

pub(super) fn run(consumer: Consumer, pause: Duration, items: usize) -> Sample {
    measure(consumer, pause, items, |receiver| {
        pipeline! { [receiver] 1 map(step), 1 map(step), 1 map(step) }.stream()
    })
}

pub(super) fn in_an_arm(consumer: Consumer, pause: Duration, items: usize) -> Sample {
    measure(consumer, pause, items, |receiver| {
        let stages = pipeline! {
            [receiver]
            1 map(step),
            match |item| item.0.elapsed().subsec_nanos() % 2 {
                0 => { 1 map(step) }
                _ => { 1 map(step) }
            },
            1 map(step),
        };
        stages.stream()
    })
}

fn measure<S>(
    consumer: Consumer,
    pause: Duration,
    items: usize,
    wire: impl FnOnce(mpsc::Receiver<(Instant, u32)>) -> S + Send + 'static,
) -> Sample
where
    S: Stream<Item = Result<(Instant, u32), Failure>> + Send,
{
    consumer.run(async move {
        let (sender, receiver) = mpsc::channel(64);
        let mut arrived = pin!(wire(receiver));
        let mut times = Times::of(items);
        for _ in 0..items {
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            sender.send((Instant::now(), 0)).await.expect("it is read");
            let (sent, steps) = arrived
                .next()
                .await
                .expect("it arrives")
                .expect("nothing fails");
            times.add(sent);
            assert_eq!(steps, 3);
        }
        times.sample(items)
    })
}
