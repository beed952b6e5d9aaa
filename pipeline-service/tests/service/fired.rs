//! Schedules that fire when an event of a broadcast is heard.

use std::time::Duration;

use brigade::prelude::*;
use brigade::service::{Broadcast, Missed, RunningService, Schedule, Service, Tick, TickCause};

use crate::support::{Heard, ms, s};

/// A service whose process `closes` has a run of a second for each event that is a multiple of ten.
async fn closing(events: &Broadcast<u64>, missed: Missed) -> (RunningService, Heard<Tick>) {
    let heard = Heard::default();
    let told = heard.clone();
    let tens = Schedule::on(events, |event| (event % 10 == 0).then(|| event.to_string()));
    let service = Service::new("test", ()).process("closes", move |p| {
        p.on(tens.missed(missed)).pipeline(move |cx| {
            told.add(cx.tick().unwrap().clone());
            pipeline! { [0..1] :async 1 tap(async |_: &i32| tokio::time::sleep(s(1)).await), :drive sink::discard() }
        })
    });
    (service.start().await.unwrap(), heard)
}

fn payloads(heard: &Heard<Tick>) -> Vec<String> {
    let ticks = heard.all().into_iter();
    ticks.map(|tick| tick.payload.unwrap_or_default()).collect()
}

async fn settled() {
    tokio::time::sleep(Duration::from_secs(30)).await;
}

#[tokio::test(start_paused = true)]
async fn each_event_that_is_meant_has_a_run_which_knows_it() {
    let events = Broadcast::new(64);
    let (running, heard) = closing(&events, Missed::default()).await;
    for event in 1..=30 {
        events.send(event);
        tokio::time::sleep(s(1)).await;
    }
    settled().await;
    assert_eq!(payloads(&heard), ["10", "20", "30"]);
    let ticks = heard.all();
    assert!(
        ticks
            .iter()
            .all(|tick| tick.cause == TickCause::Event && tick.missed == 0)
    );
    assert!(ticks[0].id.starts_with("closes@") && ticks[0].id != ticks[1].id);
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_is_heard_while_a_run_is_under_way_is_missed_as_declared() {
    for (missed, expected, skipped) in [
        (Missed::Once, vec![("10", 0), ("50", 3)], 0),
        (Missed::Skip, vec![("10", 0)], 4),
        (Missed::Each(2), vec![("10", 0), ("40", 0), ("50", 0)], 2),
    ] {
        let events = Broadcast::new(64);
        let (running, heard) = closing(&events, missed).await;
        events.send(10);
        tokio::time::sleep(ms(500)).await;
        for event in [20, 25, 30, 40, 50] {
            events.send(event);
        }
        settled().await;
        let ticks = heard.all();
        let found: Vec<_> = ticks
            .iter()
            .map(|tick| (tick.payload.as_deref().unwrap(), tick.missed))
            .collect();
        assert_eq!(found, expected, "{missed:?}");
        let mut ids: Vec<_> = ticks.iter().map(|tick| &tick.id).collect();
        ids.dedup();
        assert_eq!(ids.len(), expected.len(), "each has an id of its own");
        let status = running.stop().await.unwrap();
        assert_eq!(status.process("closes").unwrap().skipped, skipped);
    }
}

#[tokio::test(start_paused = true)]
async fn however_many_are_heard_while_a_run_is_under_way_one_run_stands_for_all() {
    let events = Broadcast::new(4_096);
    let (running, heard) = closing(&events, Missed::Once).await;
    events.send(10);
    tokio::time::sleep(ms(500)).await;
    for event in 1..=4_000 {
        events.send(event);
    }
    settled().await;
    let found: Vec<_> = heard.all().iter().map(|tick| tick.missed).collect();
    assert_eq!(found, [0, 399]);
    assert_eq!(payloads(&heard), ["10", "4000"]);
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn where_events_were_missed_it_fires_since_one_of_them_may_have_been_meant() {
    let events = Broadcast::new(4);
    let (running, heard) = closing(&events, Missed::Once).await;
    events.send(10);
    tokio::time::sleep(ms(500)).await;
    for _ in 0..100 {
        events.send(1);
    }
    settled().await;
    assert_eq!(payloads(&heard), ["10", ""]);
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_closure_that_panics_fires_nothing_and_ends_nothing() {
    let events = Broadcast::new(64);
    let heard = Heard::default();
    let told = heard.clone();
    let schedule = Schedule::on(&events, |event: &u64| {
        assert!(*event != 13, "not that one");
        true
    });
    let running = Service::new("test", ())
        .process("runs", move |p| {
            p.on(schedule).pipeline(move |cx| {
                told.add(cx.tick().unwrap().clone());
                pipeline! { [0..1] :drive sink::discard() }
            })
        })
        .start()
        .await
        .unwrap();
    for event in 12..15 {
        events.send(event);
        settled().await;
    }
    assert_eq!(heard.all().len(), 2);
    running.control().trigger("runs", None).await.unwrap();
    settled().await;
    assert_eq!(heard.all()[2].cause, TickCause::Triggered);
    running.stop().await.unwrap();
}
