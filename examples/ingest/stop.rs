//! Ctrl-C, and the end of all pipelines when one of them cannot go on.

use std::time::Duration;

use brigade::source::Line;
use brigade::{Failure, Report, Running};
use futures::future::join_all;
use tokio::sync::watch;

use crate::progress::Progress;

/// How a pipeline ended.
pub type Ended = Result<Report, Failure<Line>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stop {
    NotYet,
    Drain,
    Abort,
}

/// Waits until all have ended. Ctrl-C drains them, and so does the failure of one; a second Ctrl-C aborts them.
pub async fn all_ended(
    runs: Vec<Running<Line>>,
    deadline: Duration,
    progress: &Progress,
) -> Vec<Ended> {
    let stop = watch::Sender::new(Stop::NotYet);
    let runs = runs.into_iter().map(|run| ended(run, deadline, &stop));
    tokio::select! {
        ended = join_all(runs) => ended,
        never = interrupts(&stop, deadline, progress) => match never {},
    }
}

async fn ended(mut run: Running<Line>, deadline: Duration, stop: &watch::Sender<Stop>) -> Ended {
    let ended = tokio::select! {
        ended = &mut run => ended,
        () = is_asked(stop, Stop::Drain) => tokio::select! {
            ended = run.drain(deadline) => ended,
            () = is_asked(stop, Stop::Abort) => {
                run.abort().await;
                run.await
            }
        },
    };
    if ended.is_err() {
        stop.send_modify(|stop| *stop = (*stop).max(Stop::Drain));
    }
    ended
}

async fn is_asked(stop: &watch::Sender<Stop>, least: Stop) {
    // The sender is there, so this does not fail.
    let _ = stop.subscribe().wait_for(|stop| *stop >= least).await;
}

async fn interrupts(
    stop: &watch::Sender<Stop>,
    deadline: Duration,
    progress: &Progress,
) -> std::convert::Infallible {
    interrupt().await;
    progress.say(&format!(
        "stopping: what was taken in is written, for at most {deadline:?}; Ctrl-C again ends at once"
    ));
    stop.send_replace(Stop::Drain);
    interrupt().await;
    stop.send_replace(Stop::Abort);
    std::future::pending().await
}

/// Waits for Ctrl-C; for ever, where there is no such thing.
async fn interrupt() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
