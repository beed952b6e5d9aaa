//! The end of all pipelines: by themselves, by a signal, once and twice, and when one of them cannot go on.

use std::time::Duration;

use brigade::source::Line;
use brigade::{Failure, Report, Running};
use futures::future::join_all;
use tokio::sync::watch;

use crate::signals::{Signal, Signals};
use crate::voice::Voice;

/// How a pipeline ended.
pub type Ended = Result<Report, Failure<Line>>;

/// How all of them ended.
pub struct End {
    pub runs: Vec<Ended>,
    /// The last signal that asked for it.
    pub signal: Option<Signal>,
    /// Whether what was taken in could not be written any more.
    pub aborted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stop {
    NotYet,
    Drain,
    Abort,
}

/// Waits until all have ended. A signal drains them, and so does the failure of one; a second signal aborts them.
pub async fn all_ended(
    runs: Vec<Running<Line>>,
    deadline: Duration,
    mut signals: Signals,
    voice: &Voice,
) -> End {
    let stop = watch::Sender::new(Stop::NotYet);
    let mut signal = None;
    let runs = runs.into_iter().map(|run| ended(run, deadline, &stop));
    let runs = tokio::select! {
        ended = join_all(runs) => ended,
        never = asked(&mut signals, &mut signal, &stop, deadline, voice) => match never {},
    };
    End {
        runs,
        signal,
        aborted: *stop.borrow() == Stop::Abort,
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

async fn asked(
    signals: &mut Signals,
    last: &mut Option<Signal>,
    stop: &watch::Sender<Stop>,
    deadline: Duration,
    voice: &Voice,
) -> std::convert::Infallible {
    let first = signals.next().await;
    *last = Some(first);
    voice.say(format!(
        "{first}, stopping: what was taken in is written, for at most {deadline:?}; a second signal ends at once"
    ));
    stop.send_replace(Stop::Drain);
    *last = Some(signals.next().await);
    stop.send_replace(Stop::Abort);
    std::future::pending().await
}
