//! Failures are noted in one place, and what a status says of them adds up.

use std::sync::atomic::{AtomicBool, Ordering};

use brigade::prelude::*;
use brigade::service::{Noticed, Restart, Status};
use brigade::sink::{Sink, SinkError, Written};

use crate::support::{noting, s};

/// The failures that the stages of a process have counted in all runs.
fn failed(status: &Status, process: &str) -> u64 {
    let process = status.process(process).unwrap();
    process.totals.iter().map(|total| total.failed).sum()
}

#[tokio::test(start_paused = true)]
async fn what_is_noted_is_the_sum_of_what_failed_in_all_runs() {
    let (service, noted) = noting(());
    let running = service
        .process("counts", |p| {
            p.restart(Restart::always().max_delay(s(1))).pipeline(|cx| {
                pipeline! {
                    [0..100, cx.errors(sink::each(drop::<Failure>))]
                    2 map(|x: i32| if x % 3 == 0 { Err("three") } else { Ok(x) })?,
                    :async 4 map(async |x: i32| if x % 5 == 0 { Err("five") } else { Ok(x) })?,
                    :drive sink::discard(),
                }
            })
        })
        .start()
        .await
        .unwrap();
    running
        .until(|status| status.process("counts").unwrap().runs == 5)
        .await;
    let status = running.stop().await.unwrap();
    let counts = status.process("counts").unwrap();
    assert!(counts.failures >= 4 * 34);
    assert_eq!(counts.failures, failed(&status, "counts"));
    assert_eq!(counts.failures, noted.all().len() as u64);
    assert!(noted.all().iter().all(|noted| noted.what == Noticed::Item));
    let first = &noted.all()[0];
    assert_eq!(
        (&*first.process, &*first.cause, first.attempts),
        ("counts", "three", 1)
    );
    assert!(first.stack.contains("FAILED"), "{}", first.stack);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_noted_once_however_often_its_end_is_away() {
    /// Away at first.
    struct Slow(AtomicBool);

    impl Sink<Failure> for Slow {
        async fn write(&self, failures: Vec<Failure>) -> Result<Written, SinkError<Failure>> {
            if self.0.swap(true, Ordering::Relaxed) {
                return Ok(Written::all());
            }
            Err(SinkError::away("no route").with_items(failures))
        }
    }

    let (service, noted) = noting(());
    let status = service
        .process("counts", |p| {
            p.pipeline(|cx| {
                pipeline! {
                    [0..10, cx.errors(Slow(AtomicBool::new(false)))]
                    map(|x: i32| if x % 2 == 0 { Err("even") } else { Ok(x) })?,
                    :drive sink::discard(),
                }
            })
        })
        .run_until(std::future::pending::<()>())
        .await
        .unwrap();
    assert_eq!(noted.all().len(), 5);
    assert_eq!(failed(&status, "counts"), 5);
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_who_is_told_ends_nothing() {
    let status = brigade::service::Service::new("test", ())
        .on_failure(|_| panic!("no"))
        .process("counts", |p| {
            p.pipeline(|cx| {
                pipeline! {
                    [0..10, cx.errors(sink::each(drop::<Failure>))]
                    map(|x: i32| if x % 2 == 0 { Err("even") } else { Ok(x) })?,
                    :drive sink::discard(),
                }
            })
        })
        .run_until(std::future::pending::<()>())
        .await
        .unwrap();
    assert_eq!(status.process("counts").unwrap().failures, 5);
}

#[tokio::test(start_paused = true)]
async fn a_status_is_a_table_and_serialises() {
    let status = brigade::service::Service::new("reports", ())
        .process("users", |p| {
            p.pipeline(|_| pipeline! { [0..10] :drive sink::discard() })
        })
        .run_until(std::future::pending::<()>())
        .await
        .unwrap();
    let table = status.to_string();
    assert!(table.starts_with("reports: stopped, up 0 s"), "{table}");
    assert!(
        table.contains("users       1         0         0  stopped"),
        "{table}"
    );
    let json = serde_json::to_value(&status).unwrap();
    assert_eq!(json["processes"][0]["name"], "users");
    assert_eq!(json["processes"][0]["state"], "Stopped");
}
