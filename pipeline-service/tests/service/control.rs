//! Commands to processes that run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use brigade::prelude::*;
use brigade::queue;
use brigade::service::{ControlError, RunningService, Service, State};

use crate::support::{ms, s};

struct Counted {
    orders: queue::Memory<u64>,
    done: Arc<AtomicU64>,
}

/// A process that takes an order every 10 ms, and one that hangs in every call.
async fn counting() -> (RunningService, Arc<AtomicU64>) {
    let orders = queue::memory();
    for order in 0..10_000 {
        orders.put(order).await;
    }
    let done = Arc::new(AtomicU64::new(0));
    let state = Counted {
        orders,
        done: Arc::clone(&done),
    };
    let running = Service::new("test", state)
        .grace(s(3))
        .process("counts", |p| {
            p.pipeline(|cx| {
                let done = Arc::clone(&cx.done);
                pipeline! {
                    [cx.orders.clone().deliveries()]
                    map(|order| *order),
                    :async 1 tap(async |_: &u64| tokio::time::sleep(ms(10)).await),
                    :drive sink::each(move |_| { done.fetch_add(1, Ordering::Relaxed); }),
                }
            })
        })
        .process("hangs", |p| {
            p.pipeline(|_| {
                pipeline! {
                    [0..10]
                    :async 2 tap(async |_: &i32| std::future::pending::<()>().await),
                    :drive sink::discard(),
                }
            })
        })
        .process("task", |p| {
            p.task(|_, mut stop| async move { stop.requested().await })
        })
        .start()
        .await
        .unwrap();
    (running, done)
}

#[tokio::test(start_paused = true)]
async fn a_command_to_no_process_is_an_error_at_the_call() {
    let (running, _) = counting().await;
    let error = running.control().pause("cuonts").await.unwrap_err();
    assert!(matches!(error, ControlError::Unknown { .. }));
    assert_eq!(
        error.to_string(),
        "there is no process `cuonts`; there are `counts`, `hangs`, `task`"
    );
}

#[tokio::test(start_paused = true)]
async fn a_paused_process_takes_nothing_until_it_is_resumed() {
    let (running, done) = counting().await;
    let control = running.control();
    tokio::time::sleep(s(1)).await;
    control.pause("counts").await.unwrap();
    assert_eq!(running.status().state("counts"), Some(&State::Paused));
    // What was taken is finished.
    tokio::time::sleep(s(30)).await;
    let paused = done.load(Ordering::Relaxed);
    tokio::time::sleep(s(30)).await;
    assert_eq!(done.load(Ordering::Relaxed), paused);
    control.resume("counts").await.unwrap();
    tokio::time::sleep(s(1)).await;
    assert!(done.load(Ordering::Relaxed) > paused + 50);
}

#[tokio::test(start_paused = true)]
async fn a_process_is_answered_for_while_its_stages_hang() {
    let (running, _) = counting().await;
    let control = running.control();
    tokio::time::sleep(s(1)).await;
    assert!(control.ping("hangs").await.unwrap() < ms(10));
    control.pause("hangs").await.unwrap();
    assert!(control.ping("hangs").await.unwrap() < ms(10));
    // Also while it is drained.
    let draining = tokio::spawn({
        let control = control.clone();
        async move { control.drain("hangs", s(60)).await }
    });
    running
        .until(|status| status.state("hangs") == Some(&State::Draining))
        .await;
    assert!(control.ping("hangs").await.unwrap() < ms(10));
    let late = control.restart("hangs", "again").await.unwrap_err();
    assert_eq!(
        late.to_string(),
        "process `hangs` cannot restart: it is draining"
    );
    let error = draining.await.unwrap().unwrap_err().to_string();
    assert!(
        error.starts_with("process `hangs` did not end: stopped: not drained within 60s"),
        "{error}"
    );
    assert_eq!(running.status().state("hangs"), Some(&State::Stopped));
}

#[tokio::test(start_paused = true)]
async fn a_drained_process_stays_stopped_until_it_is_started() {
    let (running, done) = counting().await;
    let control = running.control();
    control.drain("counts", s(5)).await.unwrap();
    let stopped = done.load(Ordering::Relaxed);
    tokio::time::sleep(s(60)).await;
    assert_eq!(done.load(Ordering::Relaxed), stopped);
    assert_eq!(running.status().state("counts"), Some(&State::Stopped));
    control.start("counts").await.unwrap();
    running
        .until(|status| status.state("counts") == Some(&State::Running))
        .await;
    tokio::time::sleep(s(1)).await;
    assert!(done.load(Ordering::Relaxed) > stopped + 50);
    assert_eq!(running.status().process("counts").unwrap().runs, 2);
}

#[tokio::test(start_paused = true)]
async fn a_restart_makes_it_again_at_once_and_counts_as_no_failure() {
    let (running, _) = counting().await;
    running
        .control()
        .restart("counts", "the table has moved")
        .await
        .unwrap();
    let status = running
        .until(|status| {
            let counts = status.process("counts").unwrap();
            counts.state == State::Running && counts.runs == 2
        })
        .await;
    let counts = status.process("counts").unwrap();
    assert_eq!((counts.restarts, counts.failures), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_process_that_is_made_to_fail_comes_again_as_after_any_failure() {
    let (running, _) = counting().await;
    running
        .control()
        .fail("counts", "pulled the plug")
        .await
        .unwrap();
    let status = running.status();
    let State::Waiting { attempt, why, .. } = status.state("counts").unwrap() else {
        panic!("{status}")
    };
    assert_eq!((*attempt, &**why), (1, "pulled the plug"));
    running
        .until(|status| status.state("counts") == Some(&State::Running))
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_process_that_is_paused_comes_again_paused() {
    let (running, done) = counting().await;
    let control = running.control();
    control.pause("counts").await.unwrap();
    control.restart("counts", "why not").await.unwrap();
    running
        .until(|status| status.state("counts") == Some(&State::Paused))
        .await;
    let paused = done.load(Ordering::Relaxed);
    tokio::time::sleep(s(30)).await;
    assert_eq!(done.load(Ordering::Relaxed), paused);
}

#[tokio::test(start_paused = true)]
async fn commands_take_effect_in_order() {
    let (running, _) = counting().await;
    let control = running.control();
    let all = (0..40).map(|turn| {
        let control = control.clone();
        async move {
            if turn % 2 == 0 {
                control.pause("counts").await
            } else {
                control.resume("counts").await
            }
        }
    });
    // Each is sent when the one before is, and none waits for an answer first.
    for answer in futures::future::join_all(all).await {
        answer.unwrap();
    }
    assert_eq!(running.status().state("counts"), Some(&State::Running));
}

#[tokio::test(start_paused = true)]
async fn the_count_of_a_stage_is_set_by_the_names_of_both() {
    let (running, done) = counting().await;
    let control = running.control();
    tokio::time::sleep(s(1)).await;
    control.set_count("counts", "tap", 8).await.unwrap();
    let before = done.load(Ordering::Relaxed);
    tokio::time::sleep(s(1)).await;
    assert!(done.load(Ordering::Relaxed) > before + 400);
    let error = control.set_count("counts", "tpa", 8).await.unwrap_err();
    assert!(matches!(error, ControlError::SetCount(_)), "{error}");
    let error = control.pause("task").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "process `task` cannot pause: it is a task, and no pipeline"
    );
}

#[tokio::test(start_paused = true)]
async fn a_service_that_stops_takes_no_command_any_more() {
    let (running, _) = counting().await;
    let control = running.control();
    assert!(running.stop().await.is_err(), "one hangs");
    let error = control.pause("counts").await.unwrap_err();
    assert!(matches!(error, ControlError::Ended { .. }), "{error}");
}

/// Who is not started yet is started in its turn, whatever others ask for before.
#[tokio::test(start_paused = true)]
async fn a_command_before_the_first_start_is_an_error_and_changes_nothing() {
    let refused = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&refused);
    let running = Service::new("test", ())
        .process("first", |p| {
            p.pipeline_async(move |cx| {
                let (control, count) = (cx.control(), Arc::clone(&count));
                async move {
                    for answer in [
                        control.start("second").await,
                        control.restart("second", "it is wanted").await,
                        control.drain("second", s(1)).await,
                    ] {
                        let error = answer.unwrap_err();
                        assert!(matches!(error, ControlError::State { .. }), "{error}");
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                    pipeline! { [0..1_u64] :drive sink::discard() }
                }
            })
        })
        .process("second", |p| {
            p.task(|_, mut stop| async move { stop.requested().await })
        })
        .process("third", |p| {
            p.task(|_, mut stop| async move { stop.requested().await })
        })
        .start()
        .await
        .unwrap();
    assert_eq!(refused.load(Ordering::Relaxed), 3);
    for process in ["second", "third"] {
        assert_eq!(running.status().state(process), Some(&State::Running));
    }
    running.stop().await.unwrap();
}
