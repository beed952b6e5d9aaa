//! Order by key: of the items of one key a stage works on one at a time, first in, first out.

#[path = "../support/changing.rs"]
mod changing;
mod property;
mod waiting;
mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use brigade::prelude::*;
use tokio::sync::{Semaphore, mpsc};

use self::watch::{Item, Watch, until};

/// Items of three users, in turn.
fn items() -> impl Iterator<Item = Item> + Send + 'static {
    (0..300).map(|id| Item::new(id, id % 3))
}

/// Each kind of stage, whose calls take long enough to meet.
macro_rules! keeps_keys_apart {
    ($($name:ident: |$watch:ident| $stages:expr;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let $watch = Watch::default();
            let checking = $watch.clone();
            let stages: Segment<Item, Item> = $stages;
            let out: Vec<Item> = pipeline! { [source::iter(items())] through(stages) }.collect().await.unwrap();
            assert_eq!(out.len(), 300);
            assert!(out.iter().map(|item| item.id).eq(0..300), "out of order");
            assert!(checking.most() > 1, "no two keys ran at the same time");
        }
    )*};
}

keeps_keys_apart! {
    futures_of_one_key_run_one_at_a_time: |watch| pipeline! {
        use watch;
        :async 8 map(async |item: Item| watch.call(item).await) with { by: |item: &Item| item.key }
    };
    calls_on_threads_of_one_key_run_one_at_a_time: |watch| pipeline! {
        use watch;
        :block 3 map(|item: Item| watch.call_slowly(item)) with { by: |item| item.key }
    };
    calls_in_the_pool_of_one_key_run_one_at_a_time: |watch| pipeline! {
        use watch;
        :block 3 map(|item: Item| watch.call_slowly(item)) with { by: |item| item.key, pool }
    };
    calls_in_tasks_of_one_key_run_one_at_a_time: |watch| pipeline! {
        use watch;
        3 map(|item: Item| watch.call_slowly(item)) with { by: |item| item.key }
    };
    futures_in_front_of_what_multiplies_run_one_at_a_time: |watch| pipeline! {
        use watch;
        :async 8 map(async |item: Item| watch.call(item).await) with { by: |item| item.key },
        flat_map(Some),
    };
}

#[tokio::test(start_paused = true)]
async fn a_busy_key_holds_no_other_back_until_the_window_is_full() {
    let (gate, others) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
    let running = pipeline! {
        // The first key comes again and again, and is held.
        [source::iter((0..100u64).map(|id| if id % 2 == 0 { (0, id) } else { (id, id) }))]
        use gate, others;
        :async 20 map(async |(key, _id): (u64, u64)| {
            if key == 0 {
                gate.acquire().await.unwrap().forget();
            } else {
                others.fetch_add(1, Ordering::SeqCst);
            }
        }) with { by: |(key, _id)| key, window: 40 },
        :drive sink::each(|()| ()),
    }
    .spawn();
    // 20 of the 40 are of the key that is held, the 20 others are done. Nothing more is taken.
    until("the others are done", || {
        others.load(Ordering::SeqCst) == 20
    })
    .await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(others.load(Ordering::SeqCst), 20);
    gate.add_permits(1000);
    assert_eq!(running.await.unwrap().stage("map").unwrap().done, 100);
}

#[tokio::test(start_paused = true)]
async fn keys_are_expressions_over_the_record_and_may_borrow() {
    struct Event {
        user: String,
        at: u64,
    }
    let running = AtomicUsize::new(0);
    let (running, prefix) = (Arc::new(running), String::from("user "));
    let events = (0..100).map(|at| Event {
        user: format!("{}", at % 2),
        at,
    });
    let out = pipeline! {
        [source::iter(events)]
        use running, prefix;
        push_task(event),
        let shard = event.at % 2,
        :async 20 let saved = {
            assert!(running.fetch_add(1, Ordering::SeqCst) < 2);
            tokio::time::sleep(Duration::from_millis(1)).await;
            running.fetch_sub(1, Ordering::SeqCst);
            event.at
        } with { by: event.user },
        :block 4 let again = *saved with { by: (prefix.as_str(), &event.user, shard) },
        map(|r| r.again),
    };
    assert!(
        out.collect::<Vec<_>>()
            .await
            .unwrap()
            .into_iter()
            .eq(0..100)
    );
}

#[tokio::test]
async fn an_item_whose_key_panics_or_fails_fails_alone_with_its_task() {
    let (errors, mut failures) = mpsc::channel(100);
    let report = pipeline! {
        [0..100u64, errors]
        push_task(number),
        :async 4 let same = async { *number }.await with { by: {
            if *number == 7 {
                // A panic without a message on the screen.
                std::panic::resume_unwind(Box::new("no key"));
            }
            u8::try_from(number.saturating_sub(89) + 246)?
        }, name: "keyed" },
        map(|r| r.same),
        :drive sink::each(|_same| ()),
    };
    let report = report.run().await.unwrap();
    assert_eq!(report.stage("keyed").unwrap().done, 98);
    let mut failed = Vec::new();
    while let Some(failure) = failures.recv().await {
        assert_eq!(failure.stage().name, "keyed");
        let cause = failure.cause().to_string();
        failed.push((*failure.task().unwrap(), cause));
    }
    assert_eq!(failed.len(), 2);
    assert_eq!(failed[0].0, 7);
    assert!(failed[0].1.contains("no key"), "{failed:?}");
    assert_eq!(failed[1].0, 99);
}

#[tokio::test]
async fn a_computed_count_of_1_is_an_error_before_anything_starts() {
    let count = 1;
    let taken = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&taken);
    let error = pipeline! {
        [source::iter((0..10).inspect(move |_item| { counting.fetch_add(1, Ordering::SeqCst); }))]
        (count) map(|x: i32| x) with { by: |x| *x, name: "alone" },
        :drive sink::each(|_item| ()),
    }
    .run()
    .await
    .unwrap_err();
    let error = error.to_string();
    assert!(error.contains("`by` needs a count over 1"), "{error}");
    assert_eq!(taken.load(Ordering::SeqCst), 0);
}
