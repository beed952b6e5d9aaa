//! Whatever inputs are put together, whatever becomes of their items and whenever it ends: nothing hangs, each input keeps
//! its order, every item and every delivery is accounted for, and no more is alive than the plan says.

use std::sync::Arc;
use std::time::Duration;

use brigade::queue::DeliveryStats;
use brigade::{Again, Driven, Plan, Report, Running, Runs, feedback, prelude::*};
use proptest::prelude::*;

use crate::deliveries::{conserved, filled};
use crate::fakes::{Inside, Level, Log, PATIENCE, Quiet, in_time};

/// How often what is made of an item goes in again.
const ROUNDS: u64 = 3;

/// Whatever happens is decided by this.
#[derive(Debug, Clone, Copy)]
struct Dice(u64);

impl Dice {
    fn roll(self, what: u64, sides: u64) -> u64 {
        let mixed = (self.0 ^ what.rotate_left(23)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed >> 33) % sides
    }
}

/// An item of one input, that is counted as long as it lives.
#[derive(Debug)]
struct Item {
    input: u64,
    number: u64,
    round: u64,
    _alive: Inside,
}

impl Item {
    /// Tells it from all others but its copies.
    fn id(&self) -> u64 {
        (self.input << 32) | (self.round << 24) | self.number
    }
}

/// What makes inputs, and watches over their deliveries.
struct Maker {
    dice: Dice,
    level: Level,
    made: u64,
    /// How many items there are in all.
    all: u64,
    stats: Vec<DeliveryStats>,
}

impl Maker {
    /// What makes the items of the next input, and how many these are.
    fn next(&mut self) -> (u64, impl Fn(u64) -> Item + Clone + Send + Sync + 'static) {
        self.made += 1;
        let (input, level) = (self.made, self.level.clone());
        let count = [0, 1, 7, 300][usize::try_from(self.dice.roll(input, 4)).unwrap()];
        self.all += count;
        let item = move |number| Item {
            input,
            number,
            round: 0,
            _alive: level.enter(),
        };
        (count, item)
    }

    fn list(&mut self) -> source::Iter<impl Iterator<Item = Item> + Send + 'static> {
        let (count, item) = self.next();
        source::iter((0..count).map(item))
    }

    /// It has nothing now and then.
    fn stream(&mut self) -> source::FromStream<impl futures::Stream<Item = Item> + Send + 'static> {
        let (count, item) = self.next();
        let stream = futures::stream::unfold(0, move |number| {
            let item = item.clone();
            async move {
                if number % 3 == 0 {
                    tokio::task::yield_now().await;
                }
                (number < count).then(|| (item(number), number + 1))
            }
        });
        source::stream(stream)
    }

    fn channel(&mut self) -> Pipeline<Item> {
        let (count, item) = self.next();
        let (sender, receiver) = tokio::sync::mpsc::channel(2);
        tokio::spawn(async move {
            for number in 0..count {
                if sender.send(number).await.is_err() {
                    break;
                }
            }
        });
        pipeline! { [receiver] :async 2 map(|number| { let item = item(number); async move { item } }) }.boxed()
    }

    async fn queue(&mut self) -> Pipeline<Item> {
        let (count, item) = self.next();
        let queue = filled(0..count).await;
        let deliveries = queue
            .deliveries()
            .wait(Duration::from_millis(1))
            .until_idle();
        self.stats.push(deliveries.stats());
        pipeline! { [deliveries] map(|number| item(*number)) }.boxed()
    }
}

/// Whether an item is dropped, fails or panics in the stages.
fn fate(dice: Dice, item: Item) -> Result<Option<Item>, &'static str> {
    match dice.roll(item.id(), 12) {
        0 => Err("failed"),
        1 => panic!("panicked"),
        2 | 3 => Ok(None),
        _ => Ok(Some(item)),
    }
}

/// What goes in again for an item.
#[expect(clippy::needless_pass_by_value, reason = "a stage hands its item over")]
fn again(dice: Dice, item: Item, level: &Level) -> impl Iterator<Item = Item> + Send + use<> {
    let count = if item.round < ROUNDS {
        dice.roll(item.id() + 1, 3)
    } else {
        0
    };
    let level = level.clone();
    (0..count).map(move |copy| Item {
        number: 2 * item.number + copy,
        round: item.round + 1,
        input: item.input,
        _alive: level.enter(),
    })
}

/// The stages, of any kind.
fn work(dice: Dice) -> Segment<Item, Item> {
    let buffer = 1 + usize::try_from(dice.roll(11, 4)).unwrap();
    match dice.roll(10, 5) {
        0 => pipeline! { filter_map(|item| fate(dice, item))? },
        1 => pipeline! { 2 filter_map(|item| fate(dice, item))? with { buffer: buffer } },
        2 => pipeline! {
            :async 3 map(async |item| { tokio::task::yield_now().await; item }) with { buffer: buffer },
            filter_map(|item| fate(dice, item))?,
        },
        3 => pipeline! { :block 2 filter_map(|item| fate(dice, item))? },
        _ => pipeline! {
            1 filter_map(|item| fate(dice, item))? with { buffer: buffer },
            batch(5),
            flat_map(|items| items),
        },
    }
}

type Ran = (Plan, Running, Option<Again<Item>>);

/// Runs that input, in a loop or not, and notes what is written.
fn run(
    input: impl source::Input<Item = Item>,
    dice: Dice,
    written: &Log<(u64, u64)>,
    level: &Level,
) -> Ran {
    let (written, level) = (written.clone(), level.clone());
    let errors = sink::each(|failure: Failure| failure.ack());
    let note = move |item: &Item| written.push((item.input, item.number));
    let started = |pipeline: Pipeline<Driven>| (pipeline.plan(), pipeline.spawn());
    if dice.roll(20, 2) == 0 {
        let (plan, running) = started(pipeline! {
            [input, errors] through(work(dice)), :drive sink::each(move |item| note(&item)),
        });
        return (plan, running, None);
    }
    let limit = [1, 10, 1000][usize::try_from(dice.roll(21, 3)).unwrap()];
    let (ends, input) = feedback(limit, input);
    let (plan, running) = started(pipeline! {
        [input, errors]
        through(work(dice)),
        tap(note),
        2 flat_map(|item| again(dice, item, &level)),
        :drive ends.clone(),
    });
    (plan, running, Some(ends))
}

async fn start(maker: &mut Maker, written: &Log<(u64, u64)>) -> Ran {
    let (dice, level) = (maker.dice, maker.level.clone());
    match dice.roll(1, 5) {
        0 => {
            let inputs = (
                maker.list(),
                maker.stream(),
                maker.channel(),
                maker.queue().await,
            );
            run(source::merge(inputs), dice, written, &level)
        }
        1 => {
            let inputs = vec![maker.queue().await, maker.channel(), maker.queue().await];
            run(source::merge(inputs).prefer_first(), dice, written, &level)
        }
        2 => {
            let first = source::merge((maker.list(), maker.stream()));
            let second = source::merge([maker.channel(), maker.queue().await]);
            run(source::concat(first, second), dice, written, &level)
        }
        3 => {
            let inner = source::concat(
                maker.queue().await,
                source::concat(maker.stream(), maker.list()),
            );
            run(
                source::merge((inner, maker.channel())),
                dice,
                written,
                &level,
            )
        }
        _ => {
            let inner =
                pipeline! { [source::merge((maker.queue().await, maker.list()))] map(|item| item) };
            let inner = source::merge([inner.boxed(), maker.channel(), maker.channel()]);
            run(inner, dice, written, &level)
        }
    }
}

/// No more is resolved than came in, and no more came than was emitted in front; at the end just as much.
fn accounts(report: &Report, at_the_end: bool) {
    for row in &report.rows {
        assert!(
            row.done + row.filtered + row.failed <= row.entered,
            "{report}"
        );
        let handed = report.rows.iter().flat_map(|row| &row.inputs);
        let handed = handed
            .filter(|arrow| arrow.from == row.id)
            .map(|arrow| arrow.handed);
        let arrows: Vec<_> = handed.collect();
        let handed: u64 = arrows.iter().sum();
        assert!(handed <= row.emitted, "{}: {handed}\n{report}", row.path);
        // A `flat_map` that has never emitted anything does not say so.
        let silent = row.name == "flat_map" && handed == 0;
        assert!(
            !at_the_end || arrows.is_empty() || silent || handed == row.emitted,
            "{}\n{report}",
            row.path
        );
    }
    assert!(!at_the_end || report.conserved(), "{report}");
}

/// What the inputs have emitted.
fn taken(report: &Report) -> u64 {
    let inputs = report.rows.iter().filter(|row| row.inputs.is_empty());
    inputs.map(|row| row.emitted).sum()
}

async fn ends_well(seed: u64, ending: u64, moment: u64) {
    let mut maker = Maker {
        dice: Dice(seed),
        level: Level::default(),
        made: 0,
        all: 0,
        stats: Vec::new(),
    };
    let written = Log::default();
    let (plan, running, ends) = start(&mut maker, &written).await;
    let running = Arc::new(running);
    let handle = running.handle();
    let watch = tokio::spawn(async move {
        loop {
            accounts(&handle.report(), false);
            tokio::time::sleep(Duration::from_micros(300)).await;
        }
    });
    if ending > 0 {
        in_time(async {
            while taken(&running.report()) < moment.min(maker.all) {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
    let report = match ending {
        0 => {
            // To its end, which a drain does not hasten before there is one.
            let running = Arc::into_inner(running).unwrap();
            let handle = running.handle();
            let ended = tokio::time::timeout(PATIENCE, running).await;
            assert!(ended.is_ok(), "it hangs:\n{}\n{ends:?}", handle.report());
            ended.unwrap().unwrap()
        }
        1 => in_time(running.drain(Duration::from_secs(20)))
            .await
            .unwrap(),
        _ => in_time(running.abort()).await,
    };
    watch.abort();
    let Err(failed) = watch.await;
    assert!(failed.is_cancelled(), "{failed}");
    accounts(&report, ending < 2);
    let bound = plan.max_items;
    let peak = maker.level.peak();
    assert!(peak <= bound + INSIDE, "{peak} were alive\n{plan}");
    let entered = taken(&report);
    assert!(ending > 0 || entered >= maker.all, "{report}");
    for stats in &maker.stats {
        let counts = conserved(stats);
        // An abort does not wait for threads: what one holds then, a chunk or a source that it is in, comes after a lease,
        // though it may have ended since.
        let held = ending == 2
            && plan
                .rows
                .iter()
                .any(|row| matches!(row.runs, Runs::Threads | Runs::Pool));
        assert!(held || counts.in_flight == 0, "{counts:?}\n{report}");
        assert!(
            ending > 0 || (counts.nacked == 0 && counts.acked == counts.received),
            "{counts:?}"
        );
    }
    let left = ends.as_ref().map(Again::left);
    assert!(ending > 0 || left.iter().all(Vec::is_empty));
    if ends.is_none() {
        for input in 1..=maker.made {
            let its: Vec<_> = written.take_of(input);
            assert!(its.is_sorted(), "{input}: {its:?}");
        }
    }
}

/// What is in the hands of functions, and is no row's: an item for each worker.
const INSIDE: usize = 16;

impl Log<(u64, u64)> {
    fn take_of(&self, input: u64) -> Vec<u64> {
        let all = self.take();
        for entry in &all {
            self.push(*entry);
        }
        all.iter()
            .filter(|entry| entry.0 == input)
            .map(|entry| entry.1)
            .collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, max_shrink_iters: 0, ..ProptestConfig::default() })]

    #[test]
    fn any_inputs_that_are_put_together_lose_nothing_and_never_hang(seed: u64, ending in 0_u64..3, moment in 0_u64..200) {
        let _quiet = Quiet::new();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let again = std::env::var("BRIGADE_INPUTS_SEED").ok();
        let seed = again.map_or(seed, |seed| seed.parse().unwrap());
        runtime.block_on(ends_well(seed, ending, moment));
    }
}
