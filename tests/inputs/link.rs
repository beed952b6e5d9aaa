//! A link joins pipelines.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use brigade::link;
use brigade::prelude::*;
use tokio::time::{sleep, timeout};

const PATIENCE: Duration = Duration::from_secs(3600);

#[tokio::test(start_paused = true)]
async fn what_is_driven_into_a_link_comes_out_of_it_in_order() {
    let words = link::<u64>(16).named("words");
    let (sink, input) = (words.sink(), words.input());
    let sums = sink::collect();
    let front = pipeline! { [0..10_000_u64] :async 8 map(async |x| x * 3), :drive sink };
    let behind = pipeline! { [input] map(|x: u64| x + 1), :drive sums.clone() };
    let plan = behind.plan();
    assert!(plan.to_string().contains("words"), "{plan}");
    let (front, behind) = tokio::join!(front.run(), behind.run());
    let (front, behind) = (front.unwrap(), behind.unwrap());
    assert_eq!(
        sums.take(),
        (0..10_000).map(|x| x * 3 + 1).collect::<Vec<_>>()
    );
    assert_eq!(front.stage("words").unwrap().done, 10_000, "{front}");
    assert_eq!(behind.stage("words").unwrap().emitted, 10_000, "{behind}");
}

#[tokio::test(start_paused = true)]
async fn no_more_than_its_capacity_waits_in_it() {
    let slow = link::<u64>(5);
    let made = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&made);
    let front = pipeline! {
        [0..1_000_u64]
        1 tap(move |_| { count.fetch_add(1, Ordering::Relaxed); }) with { buffer: 1 },
        :drive slow.sink(),
    };
    let most = front.plan().max_items;
    let front = front.spawn();
    sleep(PATIENCE).await;
    assert_eq!(slow.waiting(), 5);
    assert!(made.load(Ordering::Relaxed) <= 5 + most);
    let behind = pipeline! { [slow.input()] :async 1 tap(async |_: &u64| sleep(Duration::from_secs(1)).await) };
    let items = behind.collect::<Vec<_>>().await.unwrap();
    assert_eq!(items, (0..1_000).collect::<Vec<_>>());
    front.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn it_ends_with_the_last_of_its_sinks_for_all_of_its_inputs() {
    let many = link::<u64>(8);
    let fronts = (0..3_u64).map(|part| {
        let sink = many.sink();
        pipeline! { [part * 1_000..(part + 1) * 1_000] :drive sink }.run()
    });
    let fronts: Vec<_> = fronts.map(tokio::spawn).collect();
    let (left, right) = (sink::collect(), sink::collect());
    let behind = |sums: &sink::Collected<u64>| {
        let (input, sums) = (many.input(), sums.clone());
        pipeline! { [input] :async 2 tap(async |_| sleep(Duration::from_millis(1)).await), :drive sums }.run()
    };
    let ran = timeout(PATIENCE, async {
        tokio::join!(behind(&left), behind(&right))
    });
    let (one, two) = ran.await.expect("it ends");
    one.unwrap();
    two.unwrap();
    for front in fronts {
        front.await.unwrap().unwrap();
    }
    assert!(!left.is_empty() && !right.is_empty());
    let mut all = [left.take(), right.take()].concat();
    all.sort_unstable();
    assert_eq!(all, (0..3_000).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_is_dropped_or_whose_pipeline_fails_has_ended() {
    let words = link::<u64>(8);
    drop(words.sink());
    let failing = pipeline! {
        [0..10_u64]
        map(|x| if x < 3 { Ok(x) } else { Err("no more") })?,
        :drive words.sink(),
    };
    let behind = pipeline! { [words.input()] map(|x: u64| x) };
    let both = async { tokio::join!(failing.run(), behind.collect::<Vec<_>>()) };
    let (failed, items) = timeout(PATIENCE, both).await.expect("it ends");
    failed.unwrap_err();
    let items = items.unwrap();
    assert!(items.len() <= 3 && items.iter().copied().eq(0..items.len() as u64));
}

/// Runs a pipeline that fails at the fifth of its calls, again and again, until nothing is left; how often each was done.
async fn worked_off(words: &brigade::link::Link<u64>) -> Vec<u64> {
    let done = sink::collect();
    loop {
        let calls = Arc::new(AtomicUsize::new(0));
        let (input, done) = (words.input(), done.clone());
        let ran = pipeline! {
            [input]
            :async 3 map(async |x: u64| {
                sleep(Duration::from_millis(x % 3)).await;
                let fails = x.is_multiple_of(7) && calls.fetch_add(1, Ordering::Relaxed) == 1;
                if fails { Err("broken") } else { Ok(x) }
            })?,
            :drive done,
        }
        .run();
        if ran.await.is_ok() {
            break;
        }
    }
    let mut done = done.take();
    done.sort_unstable();
    done
}

#[tokio::test(start_paused = true)]
async fn what_a_pipeline_that_failed_had_not_done_waits_in_the_link_again() {
    let words = link::<u64>(4);
    let front = pipeline! { [0..100_u64] :drive words.sink() }.spawn();
    let done = timeout(PATIENCE, worked_off(&words))
        .await
        .expect("it ends");
    front.await.unwrap();
    // Those at which it failed were told, and nothing else is lost or done twice.
    let failed = (0..100).filter(|x| !done.contains(x));
    let failed: Vec<_> = failed.collect();
    assert!(
        !failed.is_empty() && failed.iter().all(|x| x.is_multiple_of(7)),
        "{failed:?}"
    );
    assert_eq!(done.len() + failed.len(), 100, "{done:?}");
    assert_eq!(words.lost(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_clone_is_counted_when_it_is_gone() {
    struct Only(u64);
    let words = link::once::<Only>(4);
    let front = pipeline! { [0..20_u64] map(Only), :drive words.sink() }.spawn();
    let behind = pipeline! {
        [words.input()]
        :async 2 tap(async |only: &Only| sleep(Duration::from_secs(only.0)).await),
        :drive sink::discard(),
    }
    .spawn();
    let handle = behind.handle();
    let waiting = async {
        while handle.report().stage("tap").unwrap().done < 5 {
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(PATIENCE, waiting).await.unwrap();
    let report = behind.abort().await;
    let taken = report.stage("link").unwrap().emitted;
    let done = report.rows.last().unwrap().done;
    assert_eq!(words.lost(), taken - done, "{report}");
    assert!(words.lost() > 0);
    let rest = pipeline! { [words.input()] map(|only: Only| only.0) };
    let rest = rest.collect::<Vec<_>>().await.unwrap();
    assert_eq!(rest, (taken..20).collect::<Vec<_>>());
    front.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_is_put_from_outside_is_taken_until_the_link_is_closed() {
    let words = link::<u64>(2);
    let behind = tokio::spawn(pipeline! { [words.input()] map(|x: u64| x) }.collect::<Vec<_>>());
    for x in 0..10 {
        words.put(x).await.unwrap();
    }
    words.close();
    assert_eq!(behind.await.unwrap().unwrap(), (0..10).collect::<Vec<_>>());
    assert_eq!(words.put(10).await, Err(10));
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_room_and_goes_away_does_not_keep_it_from_others() {
    let words = link::<u64>(1);
    words.put(0).await.unwrap();
    let gone = tokio::spawn({
        let words = words.clone();
        async move { words.put(1).await }
    });
    let stays = tokio::spawn({
        let words = words.clone();
        async move { words.put(2).await }
    });
    tokio::task::yield_now().await;
    gone.abort();
    let input = pipeline! { [words.input()] map(|x: u64| x) };
    let mut items = input.stream();
    assert_eq!(items.next().await.unwrap().unwrap(), 0);
    timeout(PATIENCE, stays)
        .await
        .expect("there is room")
        .unwrap()
        .unwrap();
    words.close();
    assert_eq!(items.next().await.unwrap().unwrap(), 2);
    assert!(items.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_capacity_of_0_is_told() {
    let none = link::<u64>(0);
    assert_eq!(none.put(1).await, Err(1));
    let behind = pipeline! { [none.input()] map(|x: u64| x) }
        .collect::<Vec<_>>()
        .await;
    assert_eq!(
        behind.unwrap_err().to_string(),
        "link: stopped: stage `link` has a capacity of 0; a capacity is at least 1"
    );
    let front = pipeline! { [0..3_u64] :drive none.sink() }.run().await;
    assert_eq!(
        front.unwrap_err().to_string(),
        "link: stopped: the sink takes nothing more: the link `link` has a capacity of 0; a capacity is at least 1"
    );
}
