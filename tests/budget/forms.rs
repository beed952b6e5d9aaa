//! Each form: it ends, holds no more than it may, and nothing at its end.

use std::time::Duration;

use brigade::prelude::*;
use brigade::queue::{self, Outgoing};
use brigade::{Budget, Pipeline, feedback, link};

use crate::fakes::{Gate, eventually, in_time};
use crate::heavy::{Heavy, Scale};

const ITEMS: u64 = 200;
/// Two items and a half of the heaviest.
const BYTES: u64 = 2_500;
const HEAVIEST: u64 = 1_000;

fn weights(number: u64) -> u64 {
    [1, 1_000, 300, 17, 999, 500][usize::try_from(number % 6).unwrap()]
}

/// What a test has.
struct Case {
    budget: Budget,
    scale: Scale,
}

type Items =
    source::Weighed<source::Iter<Box<dyn Iterator<Item = Heavy> + Send>>, fn(&Heavy) -> usize>;

impl Case {
    fn new() -> Self {
        Self {
            budget: Budget::new(BYTES),
            scale: Scale::default(),
        }
    }

    fn items(&self) -> Items {
        let scale = self.scale.clone();
        let items = (0..ITEMS).map(move |number| scale.item(number, weights(number)));
        let items: Box<dyn Iterator<Item = Heavy> + Send> = Box::new(items);
        source::weighed(
            source::iter(items),
            &self.budget,
            Heavy::weight as fn(&Heavy) -> usize,
        )
    }

    /// One item is in hand, or light ones for a sixteenth of the budget.
    fn held(&self, readers: u64) {
        let usage = self.budget.usage();
        assert_eq!(usage.held, 0, "{usage:?}");
        assert_eq!(self.scale.live(), 0);
        assert!(usage.peak <= BYTES, "{usage:?}");
        let most = BYTES + readers * (HEAVIEST + BYTES / 16);
        let peak = u64::try_from(self.scale.peak()).unwrap();
        assert!(peak <= most, "{peak} bytes, at most {most}");
    }
}

/// Runs a driven pipeline, which every item reaches the end of.
macro_rules! holds_no_more {
    ($($name:ident: |$items:ident| $pipeline:expr;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let case = Case::new();
            let $items = case.items();
            let report = in_time($pipeline.run()).await.unwrap();
            assert_eq!(report.rows[0].done, ITEMS, "{report}");
            case.held(1);
        }
    )*};
}

async fn later(item: Heavy) -> Heavy {
    tokio::time::sleep(Duration::from_micros(200)).await;
    item
}

holds_no_more! {
    plain_stages: |items| pipeline! { [items] map(|item| item), :drive sink::discard() };
    threads: |items| pipeline! { [items] :block 4 map(|item| item), :drive sink::discard() };
    tasks_out_of_order: |items| pipeline! {
        [items] 4 map(|item| item) with { unordered }, :drive sink::discard()
    };
    futures: |items| pipeline! { [items] :async 16 map(later), :drive 3 sink::discard() };
    calls_with_a_timeout: |items| pipeline! {
        [items]
        :async 8 map(later) with { timeout: Duration::from_secs(60) },
        :drive sink::discard()
    };
    a_batch_that_is_larger_than_the_budget: |items| pipeline! {
        [items] batch(500), :drive sink::discard()
    };
    a_batch_behind_threads: |items| pipeline! {
        [items] :block 2 map(|item| item), batch(500), :block 1 map(|batch| batch), :drive sink::discard()
    };
    batches_by_key: |items| pipeline! {
        [items] batch(500) with { by: |item: &Heavy| item.number % 3, groups: 10 }, :drive sink::discard()
    };
    a_fold_of_all: |items| pipeline! {
        [items] fold(0_u64, |sum, item: Heavy| *sum += item.bytes) with { most: 10_000 }, :drive sink::discard()
    };
    a_state_that_is_kept: |items| pipeline! {
        [items]
        stateful(
            0_u64,
            |sum, item: Heavy| { *sum += item.bytes; sum.is_multiple_of(7).then_some(*sum) },
            Some
        ) with { held: 10_000 },
        :drive sink::discard()
    };
    many_outputs_of_an_item: |items| pipeline! {
        [items] :block 2 flat_map(|item: Heavy| item.parts(7)), 2 map(|part| part), :drive sink::discard()
    };
    many_outputs_in_batches: |items| pipeline! {
        [items] flat_map(|item: Heavy| item.parts(7)), batch(5_000), :drive sink::discard()
    };
    items_of_a_key_one_by_one: |items| pipeline! {
        [items] :async 8 map(later) with { by: |item: &Heavy| item.number % 2 }, :drive sink::discard()
    };
    arms_in_order: |items| pipeline! {
        [items]
        match |item| item.number % 2 {
            0 => { :async 4 map(later) }
            _ => { map(|item| item) }
        },
        :drive sink::discard()
    };
    batches_that_are_taken_apart_again: |items| pipeline! {
        [items] batch(2), flat_map(|batch| batch), batch(500), :drive sink::discard()
    };
    batches_that_are_taken_apart_by_threads: |items| pipeline! {
        [items]
        batch(3),
        :block 2 flat_map(|batch| batch),
        batch(7),
        flat_map(|batch| batch),
        batch(500),
        :drive sink::discard()
    };
    batches_of_batches: |items| pipeline! {
        [items] batch(10), batch(10), :drive sink::discard()
    };
    a_pipeline_as_input: |items| {
        let inner = pipeline! { [items] 2 map(|item| item), batch(500) };
        pipeline! { [inner.named("inner")] batch(500), :drive sink::discard() }
    };
    a_pipeline_without_its_type_as_input: |items| {
        let inner: Pipeline<Vec<Heavy>> = pipeline! { [items] batch(500) }.boxed();
        pipeline! { [inner] :block 1 map(|batch| batch), batch(500), :drive sink::discard() }
    };
}

#[tokio::test]
async fn what_is_collected_is_the_programs() {
    let case = Case::new();
    let items = case.items();
    let run = pipeline! { [items] 2 map(|item| item) }.collect::<Vec<_>>();
    let collected = in_time(run).await.unwrap();
    assert_eq!(collected.len() as u64, ITEMS);
    assert_eq!(case.budget.usage().held, 0);
    let items = case.items();
    let mut stream = pipeline! { [items] map(|item| item) }.stream();
    let mut kept = Vec::new();
    in_time(async {
        while let Some(item) = stream.next().await {
            kept.push(item.unwrap());
        }
    })
    .await;
    assert_eq!(kept.len() as u64, ITEMS);
    assert_eq!(case.budget.usage().held, 0);
}

#[derive(Debug, thiserror::Error)]
#[error("refused")]
struct Refused;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_that_are_kept_hold_nothing() {
    let case = Case::new();
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let items = case.items();
    let run = pipeline! {
        [items, sink::each(move |failure: Failure<Heavy>| drop(sender.send(failure)))]
        push_task(item),
        :block 2 let refused = if item.number % 2 == 0 { Err(Refused) } else { Ok(()) }?,
        map(|m| m.item.number),
        :drive sink::discard()
    }
    .run();
    let report = in_time(run).await.unwrap();
    assert_eq!(report.rows[0].done, ITEMS, "{report}");
    let mut kept = Vec::new();
    while let Ok(failure) = receiver.try_recv() {
        kept.push(failure);
    }
    assert_eq!(kept.len() as u64, ITEMS / 2);
    assert_eq!(case.budget.usage().held, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_that_fail_and_are_kept_hold_nothing() {
    let case = Case::new();
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let items = case.items();
    let run = pipeline! {
        [items, sink::each(move |failure: Failure<Heavy>| drop(sender.send(failure)))]
        flat_map(|item: Heavy| item.parts(3)),
        push_task(part),
        :block 2 let refused = Err::<(), _>(Refused)?,
        map(|m| m.part.number),
        :drive sink::discard()
    }
    .run();
    in_time(run).await.unwrap();
    let kept = std::iter::from_fn(|| receiver.try_recv().ok());
    assert_eq!(kept.collect::<Vec<_>>().len() as u64, 3 * ITEMS);
    assert_eq!(case.budget.usage().held, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_are_tried_again_and_panics_give_all_back() {
    let case = Case::new();
    let tried = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let items = case.items();
    let run = pipeline! {
        [items, sink::discard()]
        use tried;
        :async 8 tap(async |item: &Heavy| {
            let tried = tried.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            assert!(!item.number.is_multiple_of(5), "as it is meant to");
            if tried.is_multiple_of(3) { Err(Refused) } else { Ok(()) }
        })? with { retry: Retry::fixed(3, Duration::from_millis(1)) },
        batch(500),
        :drive sink::discard()
    }
    .run();
    let report = in_time(run).await.unwrap();
    assert!(report.conserved(), "{report}");
    case.held(1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_lines_of_a_tee_hold_an_item() {
    let case = Case::new();
    let items = case.items();
    let run = pipeline! {
        [items]
        tee |item| item.bytes { batch(300), :drive sink::discard() },
        batch(500),
        :drive sink::discard()
    }
    .run();
    in_time(run).await.unwrap();
    case.held(1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_inputs_share_a_budget_in_turn() {
    let case = Case::new();
    let inputs = (
        case.items().named("a"),
        case.items().named("b"),
        case.items().named("c"),
    );
    let run = pipeline! {
        [source::merge(inputs)] :block 2 map(|item| item), batch(500), :drive sink::discard()
    }
    .run();
    let report = in_time(run).await.unwrap();
    for input in ["a", "b", "c"] {
        assert_eq!(report.stage(input).unwrap().done, ITEMS);
    }
    case.held(3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_pipelines_share_a_budget() {
    let case = Case::new();
    let runs = (0..4).map(|_| {
        let items = case.items();
        pipeline! { [items] 2 map(|item| item), batch(500), :drive sink::discard() }.run()
    });
    let runs: Vec<_> = runs.map(tokio::spawn).collect();
    for run in runs {
        in_time(run).await.unwrap().unwrap();
    }
    case.held(4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_through_a_link_holds_its_weight_behind_it() {
    let case = Case::new();
    let joint = link::once::<Heavy>(1_000);
    let items = case.items();
    let front = pipeline! { [items] 2 map(|item| item), :drive joint.sink() }.run();
    let behind = pipeline! {
        [joint.input()] batch(500), :block 1 map(|batch| batch), :drive sink::discard()
    }
    .run();
    drop(joint);
    let (front, behind) = in_time(async { tokio::join!(front, behind) }).await;
    front.unwrap();
    behind.unwrap();
    case.held(1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_in_again_holds_its_weight() {
    let case = Case::new();
    let (again, input) = feedback(10, case.items());
    let run = pipeline! {
        [input]
        :async 4 map(later),
        filter_map(|item: Heavy| (!item.number.is_multiple_of(7)).then(|| {
            let mut parts = item.parts(1);
            let mut again = parts.remove(0);
            again.number -= 1;
            again
        })),
        batch(3),
        flat_map(|batch| batch),
        :drive again
    }
    .run();
    in_time(run).await.unwrap();
    assert_eq!(case.budget.usage().held, 0);
    assert_eq!(case.scale.live(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deliveries_are_weighed_and_acknowledged() {
    let budget = Budget::new(BYTES);
    let queue = queue::memory::<u64>();
    let messages = (0..ITEMS).map(|number| Outgoing::new(weights(number)));
    queue.send(messages.collect()).await.unwrap();
    let deliveries = queue
        .deliveries()
        .until_idle()
        .wait(Duration::from_millis(10));
    let stats = deliveries.stats();
    let input = source::weighed(deliveries, &budget, |delivery| {
        usize::try_from(*delivery.body()).unwrap()
    });
    let run = pipeline! {
        [input]
        :block 2 map(|delivery| usize::try_from(*delivery.body()).unwrap()),
        batch(500),
        :drive sink::discard()
    }
    .run();
    in_time(run).await.unwrap();
    let usage = budget.usage();
    assert!(
        usage.held == 0 && usage.peak <= BYTES && usage.waits > 0,
        "{usage:?}"
    );
    assert_eq!(stats.snapshot().acked, ITEMS);
}

/// Light ones against a budget for many: nothing else would make an early batch.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_taken_apart_and_batched_again_gives_way() {
    for lines in 0..2 {
        let budget = Budget::new(10_000);
        let items = source::weighed(source::iter(0..500_u64), &budget, |_| 1_000);
        let run = if lines == 0 {
            pipeline! {
                [items] batch(2), flat_map(|batch| batch), batch(400), :drive sink::discard()
            }
        } else {
            pipeline! {
                [items]
                batch(2),
                tee |batch| batch.len() { batch(400), :drive sink::discard() },
                batch(400),
                :drive sink::discard()
            }
        };
        in_time(run.run()).await.unwrap();
        assert_eq!(budget.usage().held, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_budget_may_weigh_what_it_has_weighed() {
    let case = Case::new();
    let joint = link::once::<Heavy>(10);
    let items = case.items();
    let front = pipeline! { [items] 2 map(|item| item), :drive joint.sink() }.run();
    let input = source::weighed(joint.input(), &case.budget, Heavy::weight);
    let behind = pipeline! { [input] batch(500), :drive sink::discard() }.run();
    drop(joint);
    let (front, behind) = in_time(async { tokio::join!(front, behind) }).await;
    front.unwrap();
    behind.unwrap();
    case.held(1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_budget_may_weigh_what_comes_of_a_pipeline() {
    let (case, budget) = (Case::new(), Budget::new(1_500));
    let items = case.items();
    let inner = pipeline! { [items] 2 map(|item| item) };
    let input = source::weighed(inner.named("inner"), &budget, Heavy::weight);
    let run = pipeline! { [input] batch(500), :drive sink::discard() }.run();
    in_time(run).await.unwrap();
    assert!(
        budget.usage().waits > 0 && budget.usage().held == 0,
        "{budget:?}"
    );
    assert_eq!((case.budget.usage().held, case.scale.live()), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pipeline_that_is_paused_lets_the_others_of_its_budget_pass() {
    let budget = Budget::new(100);
    let heavy = || source::weighed(source::iter(0..20_u64), &budget, |_| 100);
    let gate = Gate::closed();
    let (at, items) = (gate.clone(), heavy());
    let first = pipeline! {
        [items]
        use at;
        :async 2 tap(async |_| at.pass().await),
        :drive sink::discard()
    }
    .spawn();
    eventually("it waits", || budget.usage().waits > 0).await;
    let items = heavy();
    let second = pipeline! { [items] 1 map(|item| item), :drive sink::discard() }.spawn();
    eventually("both wait", || budget.usage().waits > 1).await;
    first.pause();
    gate.open();
    in_time(second).await.unwrap();
    first.resume();
    in_time(first).await.unwrap();
    assert_eq!(budget.usage().held, 0);
}

/// What a pipeline had under way that failed comes again, and still holds what it weighs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_back_into_a_link_holds_its_weight() {
    let budget = Budget::new(1_000);
    let joint = link::<u64>(10);
    let items = source::weighed(source::iter(0..10_u64), &budget, |_| 400);
    let front = pipeline! { [items] 1 map(|item| item), :drive joint.sink() }.spawn();
    let input = joint.input();
    let fails = pipeline! {
        [input] :block 1 tap(|item| { let _: &u64 = item; std::thread::park_timeout(Duration::from_millis(5)); }), batch(2),
        :drive sink::each(|_batch: Vec<u64>| Err::<(), _>(Refused))
    };
    assert!(in_time(fails.run()).await.is_err());
    let _input = joint.input();
    eventually("both are held", || budget.usage().waits > 0).await;
    assert!(budget.usage().held > 0, "{budget:?}");
    let input = joint.input();
    drop(joint);
    let behind = pipeline! { [input] 1 map(|item| item), :drive sink::discard() }.run();
    let (front, behind) = in_time(async { tokio::join!(front, behind) }).await;
    front.unwrap();
    behind.unwrap();
    assert_eq!(budget.usage().held, 0);
    assert!(budget.usage().peak <= 1_000, "{budget:?}");
}
