//! Promise 139: a program sees by type what failed.

use std::sync::Arc;
use std::time::Duration;

use brigade::prelude::*;
use brigade::sink::{Sink, SinkError, Written};
use brigade::{ErrorKind, Stop};

use crate::fakes::{Kept, idle, in_time};

/// Longer than anything here should take.
const SOON: Duration = Duration::from_secs(5);

/// The user's own error.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("no {0}")]
struct Missing(u64);

#[tokio::test(start_paused = true)]
async fn an_error_a_panic_and_a_timeout_are_told_apart_and_the_error_is_the_users_own() {
    let failures = Kept::<Failure>::open();
    let run = pipeline! {
        [0..3_u64, failures.clone()]
        :async 3 map(async |x| match x {
            0 => Err(Missing(x)),
            1 => panic!("one"),
            _ => std::future::pending().await,
        })? with { timeout: Duration::from_secs(1) },
        :drive sink::each(|_never: ()| {})
    }
    .run();
    in_time(run).await.unwrap();
    let mut seen: Vec<_> = failures
        .items
        .take()
        .into_iter()
        .map(|failure| match failure.cause() {
            Cause::Error(error) => {
                assert_eq!(error.downcast_ref(), Some(&Missing(0)));
                let source = std::error::Error::source(&failure);
                assert!(source.is_some_and(<dyn std::error::Error>::is::<Missing>));
                "error"
            }
            Cause::Panic(said) if said == "one" => "panic",
            Cause::Timeout(_) => "timeout",
            other => panic!("{other}"),
        })
        .collect();
    seen.sort_unstable();
    assert_eq!(seen, ["error", "panic", "timeout"]);
}

#[tokio::test(start_paused = true)]
async fn a_drain_past_its_deadline_says_as_data_who_kept_how_many() {
    let running = pipeline! {
        [0..3_u64]
        :async 3 tap(|_x| std::future::pending::<()>()) with { name: "stuck" },
        :drive sink::each(|_x| ())
    }
    .spawn();
    idle().await;
    let failure = in_time(running.drain(SOON)).await.unwrap_err();
    let Cause::Stopped(Stop::NotDrained(left)) = failure.cause() else {
        panic!("{failure}");
    };
    let kept: Vec<_> = left
        .kept()
        .iter()
        .map(|kept| (&*kept.name, kept.items))
        .collect();
    assert_eq!((left.deadline(), kept), (SOON, vec![("stuck", 3)]));
}

#[tokio::test(start_paused = true)]
async fn an_abort_is_told_from_other_stops_and_whoever_asks_again_is_told_what_it_was() {
    let mut running = pipeline! {
        [0..3_u64]
        :async 3 tap(|_x| std::future::pending::<()>()),
        :drive sink::each(|_x| ())
    }
    .spawn();
    idle().await;
    in_time(running.abort()).await;
    let first = in_time(&mut running).await.unwrap_err();
    assert!(
        matches!(first.cause(), Cause::Stopped(Stop::Aborted)),
        "{first}"
    );
    let again = in_time(running.drain(SOON)).await.unwrap_err();
    assert!(
        matches!(again.cause(), Cause::Stopped(Stop::Told(said)) if said == "aborted"),
        "{again}"
    );
}

/// Takes all, and cannot be flushed.
struct Unflushed;

impl Sink<u64> for Unflushed {
    async fn write(&self, _items: Vec<u64>) -> Result<Written, SinkError<u64>> {
        Ok(Written::all())
    }

    async fn flush(&self) -> Result<(), SinkError<u64>> {
        Err(SinkError::refused(Missing(7)))
    }
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_cannot_be_flushed_is_told_with_its_error() {
    let failure = in_time(pipeline! { [0..3_u64] map(|x| x), :drive Unflushed }.run())
        .await
        .unwrap_err();
    assert!(
        matches!(failure.cause(), Cause::Stopped(Stop::Flush(error)) if error.is::<Missing>()),
        "{failure}"
    );
}

#[test]
fn what_a_failure_holds_can_be_taken_out_one_by_one() {
    let stage = brigade::StageInfo::new("it");
    let cause = Cause::Error(Missing(1).into());
    let mut failure = Failure::new(stage, cause).with_task(Arc::<str>::from("task"));
    assert_eq!(failure.take_task().as_deref(), Some("task"));
    assert!(failure.task().is_none());
    let cause = failure.replace_cause(Cause::Panic("another".into()));
    assert!(matches!(cause, Cause::Error(error) if error.is::<Missing>()));
    assert_eq!(failure.to_string(), "it: panicked: another");
    assert!(matches!(failure.into_cause(), Cause::Panic(_)));
}

#[tokio::test]
async fn a_channel_whose_receiver_is_gone_is_closed_and_gives_back_what_it_did_not_send() {
    let (sender, mut receiver) = tokio::sync::mpsc::channel(2);
    let _ = Sink::write(&sender, vec![1, 2]).await.unwrap();
    receiver.close();
    let error = Sink::write(&sender, vec![3, 4]).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.items()),
        (ErrorKind::Closed, &[3, 4][..])
    );
    assert_eq!(receiver.recv().await, Some(1));
}
