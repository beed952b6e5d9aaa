//! What is wrong with a service is said before it runs, or at its first start.

use std::time::Duration;

use brigade::link;
use brigade::prelude::*;
use brigade::service::{Context, Invalid, Restart, Service, ServiceError, State, Stopping};

use crate::support::{Heard, ms, noting, s};

async fn waits<S>(_: Context<S>, mut stop: Stopping) {
    stop.requested().await;
}

async fn invalid(service: Service<()>) -> Invalid {
    match service.start().await {
        Err(ServiceError::Invalid(invalid)) => invalid,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_without_a_process_does_not_start() {
    let invalid = invalid(Service::new("empty", ())).await;
    assert_eq!(
        invalid.to_string(),
        "service `empty` has no process; add one with `process`"
    );
}

#[tokio::test(start_paused = true)]
async fn two_processes_of_one_name_do_not_start() {
    let service = Service::new("test", ())
        .process("users", |p| p.task(waits))
        .process("users", |p| p.task(waits));
    let invalid = invalid(service).await;
    assert_eq!(
        invalid.to_string(),
        "two processes are called `users`; give one of them another name"
    );
}

#[tokio::test(start_paused = true)]
async fn a_process_after_one_that_there_is_not_does_not_start() {
    let service = Service::new("test", ())
        .process("users", |p| p.task(waits).after("uesrs"))
        .process("events", |p| p.task(waits));
    assert_eq!(
        invalid(service).await.to_string(),
        "process `users` is to start after `uesrs`, and there is none of that name; there are `users`, `events`"
    );
}

#[tokio::test(start_paused = true)]
async fn processes_that_start_after_each_other_do_not_start() {
    let service = Service::new("test", ())
        .process("a", |p| p.task(waits).after("b"))
        .process("b", |p| p.after("c").task(waits))
        .process("c", |p| p.after("a").task(waits))
        .process("behind", |p| p.after("a").task(waits))
        .process("free", |p| p.task(waits));
    let invalid = invalid(service).await;
    let said = invalid.to_string();
    assert!(
        said.ends_with("is a circle of `after`; one of them has to start first"),
        "{said}"
    );
    let Invalid::Circle(circle) = invalid else {
        panic!("{said}")
    };
    assert_eq!(circle.len(), 3, "{said}");
    let itself = Service::new("test", ()).process("a", |p| p.task(waits).after("a"));
    let said = self::invalid(itself).await.to_string();
    assert_eq!(
        said,
        "`a` → `a` is a circle of `after`; one of them has to start first"
    );
}

#[tokio::test(start_paused = true)]
async fn a_grace_of_0_and_a_limit_within_no_time_are_refused() {
    let service = || Service::new("test", ()).process("a", |p| p.task(waits));
    assert_eq!(
        invalid(service().grace(Duration::ZERO)).await,
        Invalid::Grace
    );
    let limited = Service::new("test", ()).process("a", |p| {
        p.restart(Restart::on_failure().limit(1, Duration::ZERO))
            .task(waits)
    });
    assert!(matches!(invalid(limited).await, Invalid::Limit { .. }));
}

#[tokio::test(start_paused = true)]
async fn processes_start_as_declared_but_for_those_that_come_after_others() {
    let heard = Heard::default();
    let task = |cx: Context<Heard<String>>, stop| {
        cx.add(cx.process().to_string());
        waits(cx, stop)
    };
    let running = Service::new("test", heard.clone())
        .process("last", move |p| p.task(task).after("third"))
        .process("first", move |p| p.task(task))
        .process("second", move |p| p.task(task))
        .process("third", move |p| p.task(task))
        .start()
        .await
        .unwrap();
    assert_eq!(heard.all(), ["first", "second", "third", "last"]);
    assert!(running.status().ready);
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_first_start_that_fails_names_the_process_and_stops_those_before_it() {
    for (panics, why) in [(false, "no such table"), (true, "panicked: no such table")] {
        let heard = Heard::default();
        let (service, noted) = noting(heard.clone());
        let started = service
            .process("before", |p| {
                p.task(|cx, mut stop| async move {
                    cx.add("begun");
                    stop.requested().await;
                    cx.add("stopped");
                })
            })
            .process("wrong", move |p| {
                p.pipeline(move |_| {
                    assert!(!panics, "no such table");
                    let none: Result<_, String> = Err("no such table".to_owned());
                    none.map(|()| pipeline! { [0..1] :drive sink::discard() })
                })
            })
            .process("never", |p| p.task(|cx, _| async move { cx.add("never") }))
            .start()
            .await;
        let error = started.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("process `wrong` cannot be started: {why}")
        );
        assert_eq!(heard.all(), ["begun", "stopped"]);
        assert_eq!(noted.all().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_process_that_waits_at_the_start_is_tried_again() {
    let running = Service::new("test", ())
        .process("late", |p| {
            p.wait_at_start().pipeline(|cx| {
                let there = if cx.run() < 3 { Err("not yet") } else { Ok(()) };
                there.map(|()| pipeline! { [source::stream(futures::stream::pending::<()>())] :drive sink::discard() })
            })
        })
        .process("next", |p| p.task(waits))
        .start()
        .await
        .unwrap();
    assert!(matches!(
        running.status().state("late"),
        Some(State::Waiting { attempt: 1, .. })
    ));
    assert_eq!(running.status().state("next"), Some(&State::Running));
    running
        .until(|status| status.state("late") == Some(&State::Running))
        .await;
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_process_is_made_again_only_when_those_are_that_it_comes_after() {
    let begun = Heard::default();
    let running = Service::new("test", begun.clone())
        .process("base", |p| {
            p.restart(Restart::on_failure().min_delay(s(10)).max_delay(s(10)))
                .task(|cx, mut stop| async move {
                    cx.add("base");
                    let worked = tokio::time::timeout(ms(5), stop.requested()).await;
                    if cx.run() == 0 {
                        worked.map_err(|_| "no")
                    } else {
                        stop.requested().await;
                        Ok(())
                    }
                })
        })
        .process("upon it", |p| {
            p.after("base").task(|cx, mut stop| async move {
                cx.add("upon it");
                let worked = tokio::time::timeout(ms(6), stop.requested()).await;
                if cx.run() == 0 {
                    worked.map_err(|_| "no")
                } else {
                    stop.requested().await;
                    Ok(())
                }
            })
        })
        .start()
        .await
        .unwrap();
    running
        .until(|status| {
            status
                .processes
                .iter()
                .all(|process| process.runs == 2 && process.state == State::Running)
        })
        .await;
    assert_eq!(begun.all(), ["base", "upon it", "base", "upon it"]);
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_link_that_nobody_takes_from_is_an_error_at_the_start() {
    let service = Service::new("test", link::<i32>(10).named("users")).process("writes", |p| {
        p.pipeline(|cx| pipeline! { [0..100] :drive cx.sink() })
    });
    let error = service.start().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "process `writes` drives into the link `users`, and nobody takes from it; give a process its `input()`"
    );
}
