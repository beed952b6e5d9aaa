//! Processes that fail are made again.

use std::sync::atomic::{AtomicU64, Ordering};

use brigade::prelude::*;
use brigade::service::{Noticed, Restart, Service, ServiceError, State};
use futures::StreamExt as _;
use tokio::time::Instant;

use crate::support::{Heard, ms, noting, s};

/// Fails after so long.
async fn fails_after(wait: std::time::Duration) -> Result<(), String> {
    tokio::time::sleep(wait).await;
    Err("no".to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_failed_process_is_made_again_while_the_others_run_on() {
    let begun = Heard::default();
    let (service, noted) = noting(begun.clone());
    let running = service
        .process("fails", |p| {
            p.restart(Restart::on_failure().unlimited()).pipeline(|cx| {
                cx.add((cx.run(), Instant::now()));
                let items = if cx.run() < 8 { 0..1 } else { 0..0 };
                pipeline! {
                    [items]
                    :async 1 tap(async |_: &i32| fails_after(ms(10)).await)?,
                    :drive sink::discard(),
                }
            })
        })
        .process("goes on", |p| {
            p.pipeline(|_| pipeline! { [source::stream(futures::stream::pending::<()>())] :drive sink::discard() })
        })
        .start()
        .await
        .unwrap();
    running
        .until(|status| status.process("fails").unwrap().runs == 9)
        .await;
    let begun = begun.all();
    let gaps: Vec<_> = begun
        .windows(2)
        .map(|two| (two[1].1 - two[0].1).saturating_sub(ms(10)))
        .collect();
    for (attempt, gap) in gaps.iter().enumerate() {
        let whole = ms(200 * (1 << attempt)).min(s(30));
        // A timer of tokio's is up to a millisecond late.
        assert!((whole / 2..=whole + ms(3)).contains(gap), "{gaps:?}");
    }
    let status = running.status();
    assert_eq!(status.process("goes on").unwrap().runs, 1);
    assert_eq!(status.state("goes on"), Some(&State::Running));
    assert!(
        noted
            .all()
            .iter()
            .all(|noted| noted.what == Noticed::Run && noted.cause == "no")
    );
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_waits_begin_anew_behind_a_good_run() {
    let begun = Heard::default();
    let running = Service::new("test", begun.clone())
        .process("fails", |p| {
            p.restart(Restart::on_failure().unlimited()).pipeline(|cx| {
                cx.add(Instant::now());
                let run = if cx.run() == 4 { s(60) } else { ms(1) };
                pipeline! {
                    [0..1]
                    use run;
                    :async 1 tap(async |_: &i32| fails_after(run).await)?,
                    :drive sink::discard(),
                }
            })
        })
        .start()
        .await
        .unwrap();
    running
        .until(|status| status.process("fails").unwrap().runs == 6)
        .await;
    let begun = begun.all();
    assert!(
        begun[4] - begun[3] >= ms(800),
        "the fourth wait is a long one"
    );
    let gap = (begun[5] - begun[4]).saturating_sub(s(60));
    assert!(gap <= ms(205), "{gap:?}");
}

#[tokio::test(start_paused = true)]
async fn over_the_limit_everything_is_stopped_and_it_is_said_why() {
    let stopped = Heard::default();
    let (service, noted) = noting(stopped.clone());
    let ended = service
        .process("works", |p| {
            p.task(|cx, mut stop| async move {
                stop.requested().await;
                cx.add("works");
            })
        })
        .process("fails", |p| {
            p.restart(Restart::on_failure().limit(3, s(600)))
                .task(|_, _| async { Err::<(), _>("broken") })
        })
        .run_until(std::future::pending::<()>())
        .await;
    match ended {
        Err(ServiceError::Escalated {
            process,
            restarts,
            within,
            last,
        }) => {
            assert_eq!(
                (&*process, restarts, within, &*last),
                ("fails", 3, s(600), "broken")
            );
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(noted.all().len(), 4);
    assert_eq!(stopped.all(), ["works"]);
}

#[tokio::test(start_paused = true)]
async fn restarts_that_are_far_apart_are_not_too_many() {
    let running = Service::new("test", ())
        .process("fails", |p| {
            p.restart(Restart::on_failure().limit(2, s(60)))
                .task(|_, mut stop| async move {
                    let worked = tokio::time::timeout(s(61), stop.requested()).await;
                    worked.map_err(|_| "broken")
                })
        })
        .start()
        .await
        .unwrap();
    running
        .until(|status| status.process("fails").unwrap().runs == 20)
        .await;
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_place_that_is_away_does_not_count_towards_the_limit() {
    use brigade::sink::{Sink, SinkError, Written};

    /// Away for good.
    struct Gone;

    impl Sink<i32> for Gone {
        async fn write(&self, items: Vec<i32>) -> Result<Written, SinkError<i32>> {
            Err(SinkError::away("no route").with_items(items))
        }
    }

    let (service, noted) = noting(());
    let running = service
        .process("writes", |p| {
            p.restart(Restart::on_failure().limit(1, s(3600)))
                .pipeline(|_| pipeline! { [0..1] :drive Gone })
        })
        .start()
        .await
        .unwrap();
    running
        .until(|status| status.process("writes").unwrap().runs == 5)
        .await;
    assert!(
        noted.all()[0].cause.contains("is away"),
        "{:?}",
        noted.all()
    );
    // It still has an item, which nobody takes.
    let stuck = running.stop().await.unwrap_err().to_string();
    assert!(stuck.ends_with("`Gone` kept 1 item"), "{stuck}");
}

#[tokio::test(start_paused = true)]
async fn a_process_that_is_never_to_be_made_again_is_what_the_service_says_at_its_end() {
    let ended = Service::new("test", ())
        .process("once", |p| {
            p.restart(Restart::never())
                .task(|_, _| async { Err::<(), _>("broken") })
        })
        .process("well", |p| p.task(|_, _| async {}))
        .run_until(std::future::pending::<()>())
        .await;
    assert_eq!(
        ended.unwrap_err().to_string(),
        "process `once` failed: broken"
    );
}

#[tokio::test(start_paused = true)]
async fn a_process_that_is_always_made_again_is_also_when_it_ended_well() {
    let running = Service::new("test", ())
        .process("again", |p| {
            p.restart(Restart::always())
                .pipeline(|_| pipeline! { [0..1] :drive sink::discard() })
        })
        .start()
        .await
        .unwrap();
    let status = running
        .until(|status| status.process("again").unwrap().runs == 30)
        .await;
    assert_eq!(status.process("again").unwrap().failures, 0);
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_factory_that_panics_at_its_third_run_is_a_failure_of_that_run() {
    let (service, noted) = noting(AtomicU64::new(0));
    let running = service
        .process("odd", |p| {
            p.pipeline(|cx| {
                assert!(cx.run() != 2, "the third");
                let fail = cx.run() < 3;
                cx.fetch_add(1, Ordering::Relaxed);
                pipeline! {
                    [source::stream(futures::stream::once(async {}).chain(futures::stream::pending()))]
                    use fail;
                    tap(|()| if fail { Err("no") } else { Ok(()) })?,
                    :drive sink::discard(),
                }
            })
        })
        .start()
        .await
        .unwrap();
    running
        .until(|status| {
            let odd = status.process("odd").unwrap();
            odd.runs == 4 && odd.state == State::Running
        })
        .await;
    let noted: Vec<_> = noted
        .all()
        .into_iter()
        .map(|noted| (noted.what, noted.run, noted.cause))
        .collect();
    assert_eq!(noted.len(), 3, "{noted:?}");
    assert_eq!(
        noted[2],
        (Noticed::Start, 2, "panicked: the third".to_owned())
    );
    running.stop().await.unwrap();
}
