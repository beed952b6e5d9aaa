//! Promise 139, of places: a sink or an errors end that is away is waited for; nothing is wrong with the items.

use std::time::Duration;

use brigade::prelude::*;
use brigade::sink::{Sink, SinkError, Written};
use brigade::{Failure, Stop};
use tokio::time::Instant;

use crate::absent::{Absence, Back, Remote};
use crate::fakes::{Kept, idle, in_time};
use crate::heard::Heard;

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn a_sink_that_is_away_is_waited_for_and_each_item_is_written_once_in_order() {
    for back in [Back::All, Back::AllButOne] {
        let (kept, absence) = (Kept::open(), Absence::of(5));
        let mut sink = Remote::new(kept.clone(), &absence);
        sink.back = back;
        let report = in_time(pipeline! { [0..100_u64] map(|x| x), :drive sink }.run())
            .await
            .unwrap();
        assert_eq!(kept.items.take(), (0..100).collect::<Vec<_>>());
        let row = report.stage("remote").unwrap();
        assert_eq!((row.done, row.failed, absence.refused()), (100, 0, 5));
    }
}

#[tokio::test(start_paused = true)]
async fn several_writers_wait_for_a_sink_that_is_away() {
    let (kept, absence) = (Kept::open(), Absence::of(20));
    let sink = Remote::new(kept.clone(), &absence);
    let run = pipeline! { [0..1000_u64] :async 4 map(|x| async move { x }), :drive 4 sink }.run();
    in_time(run).await.unwrap();
    let mut written = kept.items.take();
    written.sort_unstable();
    assert_eq!(written, (0..1000).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn without_deliveries_a_sink_is_waited_for_a_minute_and_then_its_items_fail_as_away() {
    let (kept, failures) = (Kept::<u64>::open(), Kept::<Failure>::open());
    let (absence, started) = (Absence::begun(), Instant::now());
    let sink = Remote::new(kept.clone(), &absence);
    let run =
        pipeline! { [0..3_u64, failures.clone()] map(|x| x), :drive sink with { buffer: 3 } }.run();
    let report = tokio::time::timeout(10 * MINUTE, run)
        .await
        .unwrap()
        .unwrap();
    let row = report.stage("remote").unwrap();
    assert_eq!((row.done, row.failed), (0, 3));
    for failure in failures.items.take() {
        let Cause::Away(away) = failure.cause() else {
            panic!("{failure}");
        };
        assert_eq!(
            (&**away.place(), away.error().to_string()),
            ("remote", "no route".into())
        );
        assert_eq!(away.waited(), MINUTE);
    }
    assert!(started.elapsed() >= MINUTE);
    assert!(
        absence.refused() > 15,
        "it was asked {} times",
        absence.refused()
    );
}

#[tokio::test(start_paused = true)]
async fn what_a_sink_that_is_away_does_not_give_back_fails_as_away_at_once() {
    let (kept, failures) = (Kept::<u64>::open(), Kept::<Failure>::open());
    let mut sink = Remote::new(kept.clone(), &Absence::of(1));
    sink.back = Back::Nothing;
    let report =
        in_time(pipeline! { [0..100_u64, failures.clone()] map(|x| x), :drive sink }.run())
            .await
            .unwrap();
    let failures = failures.items.take();
    assert!(
        failures
            .iter()
            .all(|failure| matches!(failure.cause(), Cause::Away(_)))
    );
    assert_eq!(failures.len() + kept.items.len(), 100);
    assert_eq!(
        report.stage("remote").unwrap().failed,
        failures.len() as u64
    );
}

#[tokio::test(start_paused = true)]
async fn a_drain_past_its_deadline_and_an_abort_end_the_wait_for_a_sink() {
    for aborts in [false, true] {
        let absence = Absence::begun();
        let sink = Remote::new(Kept::<u64>::open(), &absence);
        let mut running = pipeline! { [0..3_u64] :drive sink }.spawn();
        idle().await;
        let started = Instant::now();
        if aborts {
            tokio::time::sleep(Duration::from_secs(1)).await;
            in_time(running.abort()).await;
        } else {
            let failure = in_time(running.drain(Duration::from_secs(1)))
                .await
                .unwrap_err();
            assert!(
                matches!(failure.cause(), Cause::Stopped(Stop::NotDrained(left)) if left.kept()[0].name == "remote"),
                "{failure}"
            );
        }
        assert!(started.elapsed() < Duration::from_secs(2));
        in_time(&mut running).await.unwrap_err();
    }
}

#[tokio::test(start_paused = true)]
async fn a_flush_that_finds_the_sink_away_is_tried_again() {
    let kept = Kept::open();
    let mut sink = Remote::new(kept.clone(), &Absence::default());
    sink.flushes = Absence::of(3);
    in_time(pipeline! { [0..3_u64] map(|x| x), :drive sink }.run())
        .await
        .unwrap();
    assert_eq!((kept.items.len(), kept.flushes.get()), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn an_errors_end_that_is_away_is_waited_for_and_gets_every_failure_once_in_order() {
    for back in [Back::All, Back::AllButOne] {
        let (kept, absence) = (Kept::<Failure<u64>>::open(), Absence::of(5));
        let mut errors = Remote::new(kept.clone(), &absence);
        errors.back = back;
        let run = pipeline! {
            [0..100_u64, errors]
            push_task(x),
            2 tap(|m| if m.x % 2 == 0 { Err("even") } else { Ok(()) })?,
            map(|m| m.x),
            :drive sink::each(|_x| ())
        }
        .run();
        let report = in_time(run).await.unwrap();
        let mut failed: Vec<_> = kept
            .items
            .take()
            .into_iter()
            .map(Failure::into_task)
            .collect();
        failed.sort_unstable();
        assert_eq!(failed, (0..100).step_by(2).map(Some).collect::<Vec<_>>());
        assert_eq!(report.stage("sink").unwrap().done, 50);
        assert_eq!(absence.refused(), 5);
    }
}

#[tokio::test]
async fn a_thread_waits_for_an_errors_end_that_is_away() {
    let (kept, absence) = (Kept::<Failure>::open(), Absence::of(2));
    let errors = Remote::new(kept.clone(), &absence);
    let run = pipeline! {
        [0..10_u64, errors]
        :block 2 map(|x| if x % 2 == 0 { Err("even") } else { Ok(x) })?,
        :drive sink::each(|_x| ())
    }
    .run();
    in_time(run).await.unwrap();
    assert_eq!((kept.items.len(), absence.refused()), (5, 2));
}

#[tokio::test(start_paused = true)]
async fn without_deliveries_an_errors_end_that_stays_away_for_a_minute_stops_the_pipeline() {
    let errors = Remote::new(Kept::<Failure>::open(), &Absence::begun());
    let started = Instant::now();
    let run = pipeline! {
        [0..3_u64, errors]
        map(|x| if x == 1 { Err("one") } else { Ok(x) })?,
        :drive sink::each(|_x| ())
    }
    .run();
    let failure = tokio::time::timeout(10 * MINUTE, run)
        .await
        .unwrap()
        .unwrap_err();
    assert!(
        matches!(failure.cause(), Cause::Stopped(Stop::ErrorsEnd(why)) if why.to_string().contains("`one`")),
        "{failure}"
    );
    assert_eq!(started.elapsed(), MINUTE);
}

#[tokio::test(start_paused = true)]
async fn a_wait_is_warned_of_when_it_begins_and_its_end_is_told() {
    let (heard, _listening) = Heard::here();
    let absence = Absence::begun();
    let sink = Remote::new(Kept::<u64>::open(), &absence);
    let mut running = pipeline! { [0..3_u64] map(|x| x), :drive sink }.spawn();
    tokio::time::sleep(MINUTE / 2).await;
    assert!(futures::poll!(&mut running).is_pending());
    assert_eq!(heard.lines("it is away").len(), 1);
    absence.ends();
    in_time(running).await.unwrap();
    let said = heard.lines("remote");
    assert!(
        said.len() == 2 && said[0].starts_with("WARN") && said[1].starts_with("INFO"),
        "{said:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_wait_is_warned_of_once_a_minute_however_often_the_place_is_asked() {
    let (heard, _listening) = Heard::here();
    let absence = Absence::begun();
    let deliveries = queue::memory::<u64>();
    deliveries.put(1).await;
    let sink = Remote::new(Kept::<u64>::open(), &absence);
    let running = pipeline! {
        [deliveries.deliveries()] map(|x| *x), :drive sink
    }
    .spawn();
    tokio::time::sleep(60 * MINUTE).await;
    let warnings = heard.lines("it is away").len();
    assert!((59..=61).contains(&warnings), "{warnings}");
    assert!(absence.refused() > 10 * warnings);
    running.abort().await;
}

/// Refuses the first failure of each write, and is away for the others.
struct Picky;

impl Sink<Failure> for Picky {
    async fn write(&self, mut failures: Vec<Failure>) -> Result<Written, SinkError<Failure>> {
        let left = failures.split_off(1);
        let mut written = Written::all();
        written.fail(0, "not this one");
        Err(SinkError::away("no route")
            .with_written(written)
            .with_items(left))
    }
}

#[tokio::test(start_paused = true)]
async fn an_errors_end_that_refuses_a_failure_and_is_away_for_others_stops_the_pipeline() {
    let run = pipeline! {
        [0..100_u64, Picky]
        map(|x| Err::<u64, _>(x.to_string()))?,
        :drive sink::each(|_x| ())
    }
    .run();
    let failure = in_time(run).await.unwrap_err();
    assert!(failure.to_string().contains("not this one"), "{failure}");
}
