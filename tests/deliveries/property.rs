//! Whatever a pipeline looks like, whatever fails in it and whenever it ends: every delivery is resolved once, and
//! none is acknowledged that is not done.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use brigade::prelude::*;
use brigade::queue::{Deliveries, DeliveryStats};
use brigade::sink::Each;
use brigade::{Driven, Pipeline, Running};
use proptest::prelude::*;

use crate::fakes::{Letters, conserved, filled};
use crate::noted::Noted;

/// Longer than a test: what is given back for this long does not come again.
const NEVER: Duration = Duration::from_secs(100_000);

const MESSAGES: u64 = 300;

/// What is to happen to a message, and what was seen of it.
#[derive(Clone)]
struct Plot {
    salt: u64,
    /// How many outputs of each message the sink has written.
    written: Arc<Mutex<HashMap<u64, u64>>>,
    /// Messages that the errors end has acknowledged.
    given_up: Arc<Mutex<HashSet<u64>>>,
    letters: Letters,
}

impl Plot {
    /// The same for the same message and throw.
    fn die(&self, number: u64, throw: u64, sides: u64) -> u64 {
        let mixed = (number ^ self.salt.rotate_left(17) ^ (throw << 40))
            .wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed >> 33) % sides
    }

    fn rolls(&self, number: u64, throw: u64, sides: u64) -> bool {
        self.die(number, throw, sides) == 0
    }

    fn drops(&self, number: u64) -> bool {
        self.rolls(number, 1, 9)
    }

    /// How many items the message becomes.
    fn outputs(&self, number: u64) -> u64 {
        self.die(number, 2, 5)
    }

    fn work(&self, number: u64) -> Result<u64, String> {
        if self.rolls(number, 3, 13) {
            // A panic without a message on the screen.
            std::panic::resume_unwind(Box::new("panics"));
        }
        if self.rolls(number, 4, 11) {
            return Err(format!("{number} fails"));
        }
        Ok(number)
    }

    fn decide<T>(&self, number: Option<u64>, failure: Failure<T>) {
        match number {
            Some(number) if self.rolls(number, 5, 3) => {
                self.given_up.lock().unwrap().insert(number);
                failure.ack();
            }
            Some(number) if self.rolls(number, 6, 2) => drop(failure),
            _ => failure.nack(NEVER),
        }
    }

    fn write(&self, number: u64) {
        *self.written.lock().unwrap().entry(number).or_default() += 1;
    }

    fn writing(&self) -> Each<u64, impl Fn(u64) -> Result<(), String> + use<>> {
        let plot = self.clone();
        sink::each(move |number| {
            if plot.rolls(number, 7, 17) {
                return Err(format!("{number} is refused"));
            }
            plot.write(number);
            Ok(())
        })
    }
}

type Input = Deliveries<Arc<Noted>>;

fn checked(plot: &Plot) -> Segment<u64, u64> {
    pipeline! {
        use plot = plot.clone();
        :async 3 map(|number| async move { plot.work(number) })?,
        filter(|number| !plot.drops(*number)),
    }
}

/// The pipelines; each is run in the background.
fn start(shape: u64, input: Input, plot: &Plot) -> Run {
    let (plot, writing) = (plot.clone(), plot.writing());
    let deciding = plot.clone();
    match shape {
        0 => Run::Plain(spawned(pipeline! {
            [input, sink::each(move |failure: Failure| deciding.decide(None, failure))]
            use plot;
            map(|number| *number),
            filter(|number| !plot.drops(*number)),
            map(|number| plot.work(number))?,
            :drive 2 writing,
        })),
        1 => Run::Tasked(
            pipeline! {
                [input, sink::each(move |failure: Failure<_>| {
                    let number = failure.task().map(|task: &queue::Delivery<u64>| **task);
                    deciding.decide(number, failure);
                })]
                use plot;
                push_task(original),
                :async 5 let checked = async { tokio::task::yield_now().await; plot.work(**original) }.await?,
                filter(|m| !plot.drops(m.checked)),
                pop_task(original),
                2 map(|delivery| *delivery),
                :drive writing,
            }
            .spawn(),
        ),
        2 => Run::Plain(spawned(pipeline! {
            [input, queue::dead_letters(plot.letters.clone())]
            use plot;
            flat_map(|number| { let copies = plot.outputs(*number); (0..copies).map(move |_copy| *number) }),
            :async 4 map(|number| async move { plot.work(number) })? with { unordered },
            :drive 2 writing,
        })),
        3 => Run::Plain(spawned(pipeline! {
            [input, queue::nacks(NEVER)]
            use plot;
            :block 2 map(|number| plot.work(*number))?,
            batch(7, Duration::from_millis(1)),
            filter(|batch: &Vec<u64>| batch.iter().all(|number| !plot.rolls(*number, 8, 90))),
            :block flat_map(|batch: Vec<u64>| batch) with { pool },
            :drive writing,
        })),
        4 => Run::Plain(spawned(pipeline! {
            [pipeline! {
                [input, queue::dead_letters(plot.letters.clone())]
                map(|number| *number),
                through(checked(&plot)),
            }, sink::each(move |failure: Failure| deciding.decide(None, failure))]
            use plot;
            3 map(|number| plot.work(number ^ 1).map(|_| number))? with { retry: Retry::fixed(2, Duration::from_millis(1)) },
            :drive writing,
        })),
        // Fail-fast.
        _ => Run::Plain(spawned(pipeline! {
            [input]
            use plot;
            map(|number| *number),
            :async 8 map(|number| async move {
                tokio::task::yield_now().await;
                if number == plot.salt % MESSAGES { Err("the end") } else { Ok(number) }
            })?,
            :drive writing,
        })),
    }
}

fn spawned(pipeline: Pipeline<Driven>) -> Running {
    pipeline.spawn()
}

enum Run {
    Plain(Running),
    Tasked(Running<queue::Delivery<u64>>),
}

#[derive(Debug, Clone, Copy)]
enum End {
    Itself,
    Abort(u64),
    Drop(u64),
    Drain(u64),
}

async fn ends<T: Send + 'static>(mut running: Running<T>, stats: &DeliveryStats, end: End) {
    // What is given back for ever keeps the source from ending by itself.
    let (End::Abort(after) | End::Drop(after) | End::Drain(after)) = end else {
        loop {
            let counts = conserved(stats);
            let is_idle = counts.received == MESSAGES && counts.in_flight == 0;
            if is_idle || futures::poll!(&mut running).is_ready() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        drop(running.drain(Duration::from_secs(30)).await);
        return;
    };
    // Every snapshot on the way accounts for every delivery.
    let mut counts = conserved(stats);
    while counts.received < MESSAGES && counts.acked + counts.nacked < after {
        if futures::poll!(&mut running).is_ready() {
            break;
        }
        tokio::task::yield_now().await;
        counts = conserved(stats);
    }
    match end {
        End::Abort(_) => drop(running.abort().await),
        End::Drain(_) => drop(running.drain(Duration::from_secs(30)).await),
        End::Itself | End::Drop(_) => drop(running),
    }
}

async fn resolves_once(shape: u64, salt: u64, prefetch: usize, end: End) {
    let inner = filled(0..MESSAGES).await;
    let queue = Noted::of(inner.clone());
    let plot = Plot {
        salt,
        written: Arc::default(),
        given_up: Arc::default(),
        letters: Letters::default(),
    };
    let input = queue.clone().deliveries().prefetch(prefetch).until_idle();
    let stats = input.stats();
    match start(shape, input, &plot) {
        Run::Plain(running) => ends(running, &stats, end).await,
        Run::Tasked(running) => ends(running, &stats, end).await,
    }
    let resolved = async {
        while conserved(&stats).in_flight > 0 {
            tokio::task::yield_now().await;
        }
    };
    // What a thread still has when an abort is over is left to its lease.
    if !matches!((shape, end), (3, End::Abort(_))) {
        let in_time = tokio::time::timeout(Duration::from_secs(5), resolved).await;
        assert!(in_time.is_ok(), "it stays at {:?}", stats.snapshot());
    }
    let counts = conserved(&stats);
    let acked = queue.acked().into_iter().map(|(_, number)| number);
    let acked: Vec<u64> = acked.collect();
    let once: HashSet<u64> = acked.iter().copied().collect();
    assert_eq!(acked.len(), once.len(), "acknowledged twice");
    assert_eq!(counts.acked + counts.dead, acked.len() as u64);
    assert_eq!(inner.len() as u64, MESSAGES - acked.len() as u64);
    assert_eq!(counts.lost, 0);
    let written = plot.written.lock().unwrap();
    let dead: HashSet<u64> = plot.letters.written().iter().map(number_of).collect();
    for number in acked {
        let wanted = if shape == 2 { plot.outputs(number) } else { 1 };
        let dropped = matches!(shape, 0 | 1 | 4) && plot.drops(number);
        let filtered = shape == 3;
        assert!(
            written.get(&number).copied().unwrap_or(0) >= wanted
                || dropped
                || (filtered && !written.contains_key(&number))
                || dead.contains(&number)
                || plot.given_up.lock().unwrap().contains(&number),
            "{number} is acknowledged and not done"
        );
    }
}

fn number_of(letter: &queue::DeadLetter) -> u64 {
    let digits = String::from_utf8(letter.original.clone()).unwrap();
    digits.parse().unwrap()
}

fn end() -> impl Strategy<Value = End> {
    let after = || 0..MESSAGES;
    prop_oneof![
        Just(End::Itself),
        after().prop_map(End::Abort),
        after().prop_map(End::Drop),
        after().prop_map(End::Drain),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, max_shrink_iters: 16, ..ProptestConfig::default() })]

    #[test]
    fn every_delivery_is_resolved_once_and_none_is_acknowledged_that_is_not_done(
        shape in 0_u64..6,
        salt in any::<u64>(),
        prefetch in 1_usize..200,
        end in end(),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let resolving = resolves_once(shape, salt, prefetch, end);
        let in_time = async { tokio::time::timeout(Duration::from_secs(60), resolving).await };
        runtime.block_on(in_time).expect("something hangs");
    }
}
