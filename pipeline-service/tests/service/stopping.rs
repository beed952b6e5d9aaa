//! A stop ends the processes in the order of the data, within the grace.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use brigade::link::Link;
use brigade::prelude::*;
use brigade::service::{Service, ServiceError, State};
use brigade::{link, queue};
use tokio::time::{Instant, timeout};

use crate::support::{Heard, ms, noting, s};

/// Three processes, joined by links, in front of them a queue.
struct Chain {
    orders: queue::Memory<u64>,
    first: Link<u64>,
    second: Link<u64>,
    done: Heard<u64>,
    ended: Heard<&'static str>,
    /// Runs of the one in the middle that fail.
    fails: AtomicU64,
}

/// Says when it is let go of: when the sink of its process has ended.
struct Says(Heard<&'static str>, &'static str);

impl Drop for Says {
    fn drop(&mut self) {
        self.0.add(self.1);
    }
}

async fn chain(
    orders: u64,
    fails: u64,
) -> (
    Service<Chain>,
    queue::Memory<u64>,
    Heard<u64>,
    Heard<&'static str>,
) {
    let queue = queue::memory();
    for order in 0..orders {
        queue.put(order).await;
    }
    let (done, ended) = (Heard::default(), Heard::default());
    let state = Chain {
        orders: queue.clone(),
        first: link(4).named("first"),
        second: link(4).named("second"),
        done: done.clone(),
        ended: ended.clone(),
        fails: AtomicU64::new(fails),
    };
    // Declared from the end, so that order is not by chance.
    let service = Service::new("chain", state)
        .process("last", |p| p.pipeline(|cx| {
            let (done, says) = (cx.done.clone(), Says(cx.ended.clone(), "last"));
            pipeline! {
                [cx.second.input()]
                :async 2 tap(async |_: &u64| tokio::time::sleep(ms(20)).await),
                :drive sink::each(move |order| { let _ = &says; done.add(order); }),
            }
        }))
        .process("middle", |p| p.pipeline(|cx| {
            let says = Says(cx.ended.clone(), "middle");
            let fail = cx.fails.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
            pipeline! {
                [cx.first.input()]
                use fail;
                :async 2 tap(async |_: &u64| tokio::time::sleep(ms(10)).await),
                tap(|order| { let _ = &says; if fail && *order % 7 == 6 { Err("no") } else { Ok(()) } })?,
                :drive cx.second.sink(),
            }
        }))
        .process("first", |p| p.pipeline(|cx| {
            let says = Says(cx.ended.clone(), "first");
            pipeline! {
                [cx.orders.clone().deliveries().prefetch(8)]
                map(|order| { let _ = &says; *order }),
                :drive cx.first.sink() with { buffer: 4 },
            }
        }));
    (service, queue, done, ended)
}

#[tokio::test(start_paused = true)]
async fn processes_stop_in_the_order_of_the_data_and_nothing_is_left() {
    let (service, queue, done, ended) = chain(1_000, 0).await;
    let running = service.start().await.unwrap();
    tokio::time::sleep(s(1)).await;
    let (before, stopped) = (done.all().len(), Instant::now());
    running.stop().await.unwrap();
    assert!(stopped.elapsed() < s(2), "{:?}", stopped.elapsed());
    assert_eq!(ended.all(), ["first", "middle", "last"]);
    // What was taken is done, and the rest is where it was.
    let (after, left) = (done.all().len(), queue.len());
    assert!(before > 0 && after > before, "{before} {after}");
    assert_eq!(after + left, 1_000);
}

#[tokio::test(start_paused = true)]
async fn a_link_stays_open_while_the_process_that_drives_into_it_is_made_again() {
    let (service, queue, done, _) = chain(100, 3).await;
    let running = service.start().await.unwrap();
    running
        .until(|status| status.process("middle").unwrap().runs == 4)
        .await;
    while !queue.is_empty() {
        tokio::time::sleep(ms(100)).await;
    }
    let status = running.stop().await.unwrap();
    assert_eq!(status.process("last").unwrap().runs, 1);
    assert_eq!(status.process("first").unwrap().runs, 1);
    let mut all = done.all();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all, (0..100).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn what_waits_to_be_made_again_is_made_at_a_stop_if_others_have_put_something_for_it() {
    let (service, queue, done, _) = chain(10, 1).await;
    let running = service.start().await.unwrap();
    running
        .until(|status| matches!(status.state("middle"), Some(State::Waiting { .. })))
        .await;
    let before = done.all().len();
    let status = running.stop().await.unwrap();
    assert_eq!(status.process("middle").unwrap().runs, 2);
    // What failed comes again later, with what its process held; what waited in the link is done.
    assert!(done.all().contains(&9), "{before} {:?}", done.all());
    assert_eq!(done.all().len() + queue.len(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_stuck_process_is_named_at_the_deadline_and_does_not_hold_up_the_others() {
    let ends = Arc::new(Heard::default());
    let heard = Arc::clone(&ends);
    let (service, _) = noting(());
    let running = service
        .grace(s(10))
        .process("stuck", |p| {
            p.pipeline(|_| pipeline! {
            [0..1]
            :async 1 tap(async |_: &i32| std::future::pending::<()>().await) with { name: "never" },
            :drive sink::discard(),
        })
        })
        .process("well", move |p| {
            p.task(move |_, mut stop| {
                let heard = Arc::clone(&heard);
                async move {
                    stop.requested().await;
                    heard.add(Instant::now());
                }
            })
        })
        .start()
        .await
        .unwrap();
    let stopped = Instant::now();
    let ended = running.stop().await;
    let Err(ServiceError::Stuck(stuck)) = ended else {
        panic!("{ended:?}")
    };
    assert_eq!(stuck.len(), 1);
    assert_eq!(&*stuck[0].0, "stuck");
    assert_eq!(
        stuck[0].1,
        "stopped: not drained within 9s: `never` kept 1 item"
    );
    assert!(
        (s(9)..s(10)).contains(&stopped.elapsed()),
        "{:?}",
        stopped.elapsed()
    );
    assert!(ends.all()[0] - stopped < ms(10));
}

#[tokio::test(start_paused = true)]
async fn an_abort_ends_it_at_once_and_gives_back_what_it_held() {
    let orders = queue::memory();
    orders.put(1).await;
    let mut running = Service::new("test", orders.clone())
        .process("stuck", |p| {
            p.pipeline(|cx| pipeline! {
            [cx.state().as_ref().clone().deliveries()]
            :async 1 tap(async |_: &queue::Delivery<i32>| std::future::pending::<()>().await),
            :drive sink::discard(),
        })
        })
        .start()
        .await
        .unwrap();
    tokio::time::sleep(s(1)).await;
    running.stops();
    let begun = Instant::now();
    running.aborts();
    let error = running.ended().await.unwrap_err();
    assert_eq!(error.to_string(), "process `stuck` did not end: aborted");
    assert!(begun.elapsed() < s(2));
    assert_eq!(orders.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_link_that_only_has_items_from_outside_is_worked_off_and_closed() {
    let items = link::<i32>(100);
    for item in 0..50 {
        items.put(item).await.unwrap();
    }
    let state = (items.clone(), Heard::default());
    let heard = state.1.clone();
    let running = Service::new("test", state)
        .process("takes", |p| {
            p.pipeline(|cx| {
                let done = cx.1.clone();
                pipeline! {
                    [cx.0.input()]
                    :async 1 tap(async |_: &i32| tokio::time::sleep(ms(10)).await),
                    :drive sink::each(move |item| done.add(item)),
                }
            })
        })
        .start()
        .await
        .unwrap();
    running.stop().await.unwrap();
    assert_eq!(heard.all().len(), 50);
    assert_eq!(items.put(51).await, Err(51));
}

#[tokio::test(start_paused = true)]
async fn a_paused_process_works_off_what_it_has_at_a_stop() {
    let (service, queue, done, _) = chain(20, 0).await;
    let running = service.start().await.unwrap();
    running.control().pause("middle").await.unwrap();
    tokio::time::sleep(s(5)).await;
    running.stop().await.unwrap();
    assert_eq!(done.all().len() + queue.len(), 20);
}

#[tokio::test(start_paused = true)]
async fn a_service_whose_processes_have_all_ended_has_ended() {
    let status = Service::new("test", ())
        .process("a", |p| {
            p.pipeline(|_| pipeline! { [0..10] :drive sink::discard() })
        })
        .process("b", |p| p.task(|_, _| tokio::time::sleep(s(5))))
        .run_until(std::future::pending::<()>())
        .await
        .unwrap();
    assert!(
        status
            .processes
            .iter()
            .all(|process| process.state == State::Stopped)
    );
    assert_eq!(status.process("a").unwrap().totals.last().unwrap().done, 10);
}

/// Its supervisors end while they are commanded.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_stopped_at_any_moment_of_its_start_ends() {
    for round in 0..8_000 {
        let mut service = Service::new("shop", ());
        for name in ["a", "b", "c", "d", "e"] {
            service = service.process(name, |p| {
                p.pipeline(
                    |_| pipeline! { [queue::memory::<u64>().deliveries()] :drive sink::discard() },
                )
            });
        }
        let moment = async {
            for _ in 0..fastrand::u32(0..60) {
                tokio::task::yield_now().await;
            }
        };
        let ended = timeout(s(20), service.run_until(moment)).await;
        assert!(ended.is_ok(), "round {round}: it hangs");
    }
}
