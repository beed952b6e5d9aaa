//! Promises 47 and 108: what is paused takes nothing more in, loses nothing, and gives back what waits; it is told so at
//! once, also while a stage is blocked.

use std::time::{Duration, Instant};

use brigade::queue::{Ask, DeliveryStats, Queue as _};
use brigade::{Handle, feedback, prelude::*};
use tokio::sync::mpsc::channel;

use crate::deliveries::{LEASE, conserved, filled, received, until};
use crate::fakes::{Count, Gate, PATIENCE, counted, eventually, idle, in_time};

/// How many items each kind of input has.
const ITEMS: u64 = 20_000;

/// In virtual time: all that was taken has come to its end, and nothing more is taken in.
async fn stands_still(handle: &Handle, taken: &Count) -> usize {
    idle().await;
    let before = taken.get();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(taken.get(), before, "it takes more in");
    let report = handle.report();
    assert!(report.conserved(), "{report}");
    assert!(report.rows.iter().all(|row| row.held == 0), "{report}");
    before
}

macro_rules! takes_nothing_more_in_and_loses_nothing {
    ($($name:ident, $more:literal more: |$items:ident| $pipeline:expr;)*) => {$(
        #[tokio::test(start_paused = true)]
        async fn $name() {
            let ($items, taken) = counted(0..ITEMS);
            let out = sink::collect();
            let pipeline = $pipeline;
            let running = pipeline! {
                [pipeline]
                :async 4 tap(async |_| tokio::time::sleep(Duration::from_millis(1)).await),
                :drive out.clone(),
            }
            .spawn();
            let handle = running.handle();
            assert!(!handle.is_paused());
            let mut before = 0;
            for _ in 0..5 {
                tokio::time::sleep(Duration::from_millis(100)).await;
                handle.pause();
                handle.pause();
                assert!(handle.is_paused());
                let now = stands_still(&handle, &taken).await;
                assert!(now > before && (now as u64) < ITEMS, "{now} after {before}");
                before = now;
                handle.resume();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            handle.pause();
            let before = stands_still(&handle, &taken).await;
            // What is paused can be drained: it ends with what it has taken.
            in_time(running.drain(PATIENCE)).await.unwrap();
            assert!(taken.get() - before <= $more, "{} more came in", taken.get() - before);
            let mut all = out.take();
            all.sort_unstable();
            let whole = all.iter().copied().eq(0..taken.get() as u64);
            assert!(whole, "{} of {} are there", all.len(), taken.get());
        }
    )*};
}

takes_nothing_more_in_and_loses_nothing! {
    an_iterator, 0 more: |items| source::iter(items);
    a_stream, 0 more: |items| source::stream(futures::stream::iter(items));
    merged_inputs, 0 more: |items| source::merge((source::iter(items), Vec::new()));
    inputs_one_after_the_other, 0 more: |items| source::concat(Vec::new(), source::iter(items));
    a_pipeline_that_is_an_input, 0 more: |items| pipeline! { [source::iter(items)] 2 map(|x| x) with { buffer: 4 } };
    // They hear of a drain at every 64th item.
    plain_stages_that_are_an_input, 64 more: |items| pipeline! { [source::iter(items)] map(|x| x), filter(|_| true) };
    sources_that_come_and_go, 0 more: |items| {
        let (sources, input) = source::open_ended();
        sources.add("one", source::iter(items)).unwrap();
        input
    };
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_added_meanwhile_waits() {
    let (sources, input) = source::open_ended();
    let out = sink::collect();
    let running = pipeline! { [input] 2 map(|x| x), :drive out.clone() }.spawn();
    let handle = running.handle();
    handle.pause();
    sources.add("late", vec![1, 2, 3]).unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(out.take().is_empty());
    handle.resume();
    idle().await;
    assert_eq!(out.take(), [1, 2, 3]);
    drop(sources);
    in_time(running).await.unwrap();
}

/// Waits until the keeper has told the queue all that it was told.
async fn settled(stats: &DeliveryStats, in_flight: u64) {
    until(stats, |counts| counts.in_flight == in_flight).await;
}

#[tokio::test(start_paused = true)]
async fn messages_that_wait_go_back_uncounted_and_a_long_poll_is_dropped() {
    let orders = filled(0..10_u64).await;
    let deliveries = orders.clone().deliveries().prefetch(10).wait(PATIENCE);
    let (stats, gate, out) = (deliveries.stats(), Gate::closed(), sink::collect());
    let passing = gate.clone();
    let running = pipeline! {
        [deliveries]
        :async 1 map(async |order| { passing.pass().await; *order }) with { window: 2, buffer: 2 },
        :drive out.clone(),
    }
    .spawn();
    let handle = running.handle();
    settled(&stats, 10).await;
    handle.pause();
    until(&stats, |counts| counts.in_flight <= 4).await;
    let held = usize::try_from(conserved(&stats).in_flight).unwrap();
    let others = received(&orders, Duration::ZERO).await;
    assert_eq!(others.len(), 10 - held, "another consumer has what waited");
    assert!(others.iter().all(|(_, count)| *count == 1), "{others:?}");
    gate.open();
    settled(&stats, 0).await;
    // Nothing of it comes now, though it is waited for.
    orders.put(11).await;
    tokio::time::sleep(LEASE / 2).await;
    assert_eq!(out.take().len(), held);
    assert_eq!(received(&orders, Duration::ZERO).await, [(11, 1)]);
    handle.resume();
    // What the other consumer has let lie comes when its leases end.
    until(&stats, |counts| counts.acked == 11).await;
    // Now it waits for more: that poll is dropped too.
    idle().await;
    handle.pause();
    orders.put(12).await;
    let message = orders.receive(Ask::new(1, Duration::ZERO)).await.unwrap();
    assert_eq!(message[0].body, 12);
    running.drain(PATIENCE).await.unwrap();
}

/// What is taken through stages that run where they are polled goes back as well.
#[tokio::test(start_paused = true)]
async fn messages_that_wait_behind_plain_stages_go_back_and_a_long_poll_is_dropped() {
    let orders = filled(0..10_u64).await;
    let deliveries = orders.clone().deliveries().prefetch(10).wait(PATIENCE);
    let (stats, gate) = (deliveries.stats(), Gate::closed());
    let passing = gate.clone();
    let inner = pipeline! { [deliveries] map(|order| *order) };
    let running = pipeline! {
        [inner]
        :async 1 tap(async |_| passing.pass().await) with { window: 2, buffer: 2 },
        :drive sink::discard(),
    }
    .spawn();
    settled(&stats, 10).await;
    running.pause();
    until(&stats, |counts| counts.in_flight <= 4).await;
    let held = usize::try_from(conserved(&stats).in_flight).unwrap();
    assert_eq!(received(&orders, Duration::ZERO).await.len(), 10 - held);
    running.resume();
    gate.open();
    until(&stats, |counts| counts.acked == 10).await;
    // Now it waits for more.
    idle().await;
    running.pause();
    orders.put(11).await;
    assert_eq!(received(&orders, Duration::ZERO).await, [(11, 1)]);
    running.drain(PATIENCE).await.unwrap();
}

/// Whoever is later, all sources hear what is so at the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_pauses_and_who_resumes_at_the_same_time_leave_it_as_it_says() {
    let (items, taken) = counted(0_u64..);
    let running = pipeline! {
        [source::merge((source::iter(items), source::stream(futures::stream::pending())))]
        :async 1 tap(async |_| tokio::task::yield_now().await),
        :drive sink::discard(),
    }
    .spawn();
    for _ in 0..200 {
        let [one, other] = [running.handle(), running.handle()];
        let pauses = std::thread::spawn(move || one.pause());
        other.resume();
        pauses.join().unwrap();
        if running.handle().is_paused() {
            running.resume();
        }
        let before = taken.get();
        eventually("it goes on", || taken.get() > before).await;
    }
    running.abort().await;
}

#[tokio::test(start_paused = true)]
async fn an_input_that_ends_when_nothing_is_left_does_not_while_it_is_paused() {
    let orders = filled(0..3_u64).await;
    let deliveries = orders.clone().deliveries().until_idle();
    let out = sink::collect();
    let running = pipeline! { [deliveries] 1 map(|order| *order), :drive out.clone() }.spawn();
    let handle = running.handle();
    handle.pause();
    tokio::time::sleep(10 * LEASE).await;
    orders.put(3).await;
    handle.resume();
    let ended = tokio::time::timeout(10 * LEASE, running).await;
    ended.unwrap().unwrap();
    assert_eq!(out.take(), [0, 1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_loop_goes_on_with_what_came_in() {
    let (sender, seeds) = channel(16);
    let (again, input) = feedback(100, seeds);
    let visits = sink::collect();
    let running = pipeline! {
        [input]
        :async 4 tap(async |_| tokio::time::sleep(Duration::from_secs(1)).await),
        flat_map(|page: u64| [2 * page, 2 * page + 1].into_iter().filter(|page| *page < 64).collect::<Vec<_>>()),
        tee { :drive visits.clone() },
        :drive again,
    }
    .spawn();
    let handle = running.handle();
    sender.send(1).await.unwrap();
    idle().await;
    handle.pause();
    sender.send(1).await.unwrap();
    tokio::time::sleep(PATIENCE).await;
    assert_eq!(visits.take().len(), 62, "the tree of the first seed");
    handle.resume();
    drop(sender);
    in_time(running).await.unwrap();
    assert_eq!(visits.take().len(), 62, "that of the second");
}

#[tokio::test]
async fn it_is_told_at_once_while_all_stages_are_blocked() {
    let (items, taken) = counted(0_u64..1000);
    let (gate, out) = (Gate::closed(), sink::collect());
    let blocking = gate.clone();
    let running = pipeline! {
        [source::iter(items)]
        :block 2 map(|x| { blocking.block(); x }) with { window: 2, buffer: 1 },
        :drive out.clone(),
    }
    .spawn();
    let handle = running.handle();
    eventually("both are blocked", || taken.get() >= 2).await;
    let told = Instant::now();
    handle.pause();
    assert!(told.elapsed() < Duration::from_secs(1));
    gate.open();
    eventually("all that came in is done", || {
        handle.report().rows.iter().all(|row| row.held == 0)
    })
    .await;
    let before = taken.get();
    assert!(before < 1000, "it takes no more in");
    handle.resume();
    in_time(running).await.unwrap();
    assert_eq!(out.take(), (0..1000).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn what_is_paused_can_be_drained_and_aborted() {
    for drains in [true, false] {
        let (items, taken) = counted(0_u64..);
        let running = pipeline! {
            [source::iter(items)]
            :async 2 tap(async |_| tokio::time::sleep(Duration::from_millis(1)).await),
            :drive sink::discard(),
        }
        .spawn();
        let handle = running.handle();
        idle().await;
        handle.pause();
        stands_still(&handle, &taken).await;
        if drains {
            in_time(running.drain(PATIENCE)).await.unwrap();
        } else {
            in_time(running.abort()).await;
        }
        assert!(handle.report().conserved());
    }
}
