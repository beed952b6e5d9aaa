//! Several inputs as one.

use std::hint::black_box;
use std::ops::Range;
use std::pin::pin;

use brigade::prelude::*;
use futures::StreamExt as _;
use futures::stream::{self, Stream};
use tokio::sync::mpsc;

use crate::case::{Case, Contender, Goal, Sample, Size, Table};
use crate::rt::Consumer;

const ONE: &str = "one input";
const MERGED: &str = "brigade, `merge`";
const ALL: &str = "futures `select_all`";
const BY_HAND: &str = "a channel by hand";
const OPEN: &str = "brigade, `open_ended`";

/// So many sources are added while it runs.
const SOURCES: u64 = 1000;

/// Inputs that are always ready, inputs that wait, and inputs that come later.
pub fn case(size: Size) -> Case {
    let note = "Inputs of numbers, and one plain `map(…)` behind them. `one input` is brigade with all of the numbers in \
                one; the peers have nothing that is counted, and contain no panic. Where the inputs are channels each has \
                a task that sends, and by hand all of these send into one channel, as is usual.";
    let case = Case::new("inputs", "Several inputs", note);
    let case = case.table(ready(2, size)).table(ready(100, size));
    case.table(channels(size)).table(open_ended(size))
}

fn ready(count: u64, size: Size) -> Table {
    let items = size.items(20_000_000);
    let table = Table::new(format!("{count} inputs that are always ready"))
        .baseline(ONE)
        .contender(Contender::new(ONE, "`[0..n] map(…)`", move || one(items)))
        .contender(Contender::new(
            MERGED,
            "`[source::merge(…)] map(…)`",
            move || merged(count, items),
        ))
        .contender(
            Contender::new(ALL, "of `stream::iter(…)`, then `map`", move || {
                selected(count, items)
            })
            .crates(&["futures"]),
        )
        .goal(Goal::within(MERGED, ONE, 1.5));
    if count > 2 {
        return table.goal(Goal::faster(MERGED, ALL, 1.0));
    }
    let by_hand = Contender::new("`tokio::select!` by hand", "in a loop", move || {
        select(items)
    });
    table
        .contender(by_hand.crates(&["tokio", "futures"]))
        .goal(Goal::faster(MERGED, "`tokio::select!` by hand", 1.0))
}

fn channels(size: Size) -> Table {
    let items = size.items(2_000_000);
    Table::new("100 channels")
        .baseline(BY_HAND)
        .contender(Contender::new(
            MERGED,
            "`[source::merge(receivers)] map(…)`",
            move || merged_channels(items),
        ))
        .contender(
            Contender::new(
                ALL,
                "of streams that poll the receivers, then `map`",
                move || selected_channels(items),
            )
            .crates(&["futures", "tokio"]),
        )
        .contender(
            Contender::new(
                BY_HAND,
                "all senders are clones of one, of 1,024",
                move || one_channel(100, items),
            )
            .crates(&["tokio"]),
        )
        .goal(Goal::within(MERGED, BY_HAND, 1.0))
}

fn open_ended(size: Size) -> Table {
    let items = size.items(2_000_000).max(SOURCES);
    Table::new("1,000 sources, added while it runs")
        .baseline(BY_HAND)
        .contender(Contender::new(
            OPEN,
            "`sources.add(name, 0..n)`, a thousand times",
            move || added(items),
        ))
        .contender(Contender::new(
            MERGED,
            "for comparison: all of them are there from the start",
            move || merged(SOURCES, items),
        ))
        .contender(
            Contender::new(ALL, "`push`, a thousand times", move || pushed(items))
                .crates(&["futures"]),
        )
        .contender(
            Contender::new(
                BY_HAND,
                "a task for each source, which sends into one channel of 1,024",
                move || one_channel(SOURCES, items),
            )
            .crates(&["tokio"]),
        )
        .goal(Goal::faster(OPEN, BY_HAND, 1.0))
}

fn parts(count: u64, items: u64) -> Vec<Range<u64>> {
    (0..count).map(|_| 0..items / count).collect()
}

/// Uses up what came, and sees that it is all of it.
struct Sum {
    count: u64,
    sum: u64,
}

impl Sum {
    fn new() -> Self {
        Self { count: 0, sum: 0 }
    }

    #[inline]
    fn add(&mut self, number: u64) {
        self.count += 1;
        self.sum += black_box(number);
    }

    fn end(&self, count: u64, items: u64) {
        let each = items / count;
        assert_eq!(self.count, count * each, "items are missing");
        assert_eq!(self.sum, count * (each * (each + 1) / 2), "other items");
    }
}

fn step(number: u64) -> u64 {
    number + 1
}

/// Measures what takes all that comes out of a pipeline with this input.
fn brigade<I: source::Input<Item = u64>>(input: I, count: u64, items: u64) -> Sample {
    Consumer::Spawned.measure(items, streamed(input, count, items))
}

async fn streamed<I: source::Input<Item = u64>>(input: I, count: u64, items: u64) {
    let mut stream = pin!(pipeline! { [input] map(step) }.stream());
    let mut sum = Sum::new();
    while let Some(item) = stream.next().await {
        sum.add(item.expect("nothing fails"));
    }
    sum.end(count, items);
}

fn one(items: u64) -> Sample {
    brigade(0..items, 1, items)
}

fn merged(count: u64, items: u64) -> Sample {
    brigade(source::merge(parts(count, items)), count, items)
}

async fn summed(stream: impl Stream<Item = u64> + Send, count: u64, items: u64) {
    let mut stream = pin!(stream.map(step));
    let mut sum = Sum::new();
    while let Some(item) = stream.next().await {
        sum.add(item);
    }
    sum.end(count, items);
}

fn selected(count: u64, items: u64) -> Sample {
    let streams = parts(count, items).into_iter().map(stream::iter);
    let all = stream::select_all(streams);
    Consumer::Spawned.measure(items, summed(all, count, items))
}

fn select(items: u64) -> Sample {
    Consumer::Spawned.measure(items, async move {
        let [mut a, mut b] = [0..items / 2, 0..items / 2].map(stream::iter);
        let mut sum = Sum::new();
        loop {
            let item = tokio::select! {
                Some(item) = a.next() => item,
                Some(item) = b.next() => item,
                else => break,
            };
            sum.add(step(item));
        }
        sum.end(2, items);
    })
}

/// Receivers, of each of which a task has the sender.
fn sent(count: u64, items: u64) -> Vec<mpsc::Receiver<u64>> {
    let channels = parts(count, items).into_iter().map(|part| {
        let (sender, receiver) = mpsc::channel(64);
        tokio::spawn(send(sender, part));
        receiver
    });
    channels.collect()
}

async fn send(sender: mpsc::Sender<u64>, part: Range<u64>) {
    for number in part {
        sender.send(number).await.expect("all are received");
    }
}

fn merged_channels(items: u64) -> Sample {
    Consumer::Spawned.measure(items, async move {
        streamed(source::merge(sent(100, items)), 100, items).await;
    })
}

fn selected_channels(items: u64) -> Sample {
    Consumer::Spawned.measure(items, async move {
        let receivers = sent(100, items).into_iter();
        let streams =
            receivers.map(|mut receiver| stream::poll_fn(move |cx| receiver.poll_recv(cx)));
        summed(stream::select_all(streams), 100, items).await;
    })
}

fn one_channel(count: u64, items: u64) -> Sample {
    Consumer::Spawned.measure(items, async move {
        let (sender, mut receiver) = mpsc::channel(1024);
        for part in parts(count, items) {
            tokio::spawn(send(sender.clone(), part));
        }
        drop(sender);
        summed(
            stream::poll_fn(move |cx| receiver.poll_recv(cx)),
            count,
            items,
        )
        .await;
    })
}

fn added(items: u64) -> Sample {
    Consumer::Spawned.measure(items, async move {
        let (sources, input) = source::open_ended();
        tokio::spawn(async move {
            for (number, part) in parts(SOURCES, items).into_iter().enumerate() {
                let added = sources.add(format!("source {number}"), part);
                added.expect("the pipeline runs");
            }
        });
        streamed(input, SOURCES, items).await;
    })
}

fn pushed(items: u64) -> Sample {
    Consumer::Spawned.measure(items, async move {
        let mut all = stream::SelectAll::new();
        for part in parts(SOURCES, items) {
            all.push(stream::iter(part));
        }
        summed(all, SOURCES, items).await;
    })
}
