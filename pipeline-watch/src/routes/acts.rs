//! What changes something.

use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use pipeline_runtime::{Handle, SetCountError};
use pipeline_service::{Control, ControlError};
use serde::Deserialize;
use tokio::time::timeout;

use super::asked::Asked;
use crate::server::{Refused, says};
use crate::state::path;

/// A drain that says no deadline has this one.
const DEADLINE: Duration = Duration::from_secs(60);

/// The most that a count may be set to: a slip of the hand is not to start a million threads.
const MOST: usize = 4096;

/// An answer waits no longer for what a command comes to; it has its effect later all the same.
const SOON: Duration = Duration::from_millis(500);

/// What a name in a path is found to be.
enum Target {
    Pipeline(Handle),
    Process(Control, String),
}

#[derive(Deserialize)]
struct Count {
    n: usize,
}

#[derive(Deserialize, Default)]
struct Drain {
    deadline_ms: Option<u64>,
}

/// What the first name in its path is.
fn target(asked: &Asked) -> Result<Target, Refused> {
    let name = asked.name();
    let watched = &asked.shared.looks.watched;
    let mut pipelines = watched.pipelines.iter();
    if let Some((_, handle)) = pipelines.find(|(known, _)| **known == *name) {
        return Ok(Target::Pipeline(handle.clone()));
    }
    for (service, control) in &watched.services {
        let mut processes = control.processes().iter();
        if let Some(process) = processes.find(|process| path(service, process) == name) {
            return Ok(Target::Process(control.clone(), process.to_string()));
        }
    }
    Err(Refused::with(
        StatusCode::NOT_FOUND,
        "there is no pipeline of that name",
    ))
}

fn note(asked: &Asked, what: String) {
    asked.shared.looks.note(asked.name(), what);
}

fn done() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

fn conflict(why: &str) -> Response {
    says(StatusCode::CONFLICT, why)
}

fn result(result: Result<(), Refused>) -> Response {
    result.map_or_else(Refused::answer, |()| done())
}

/// What a process is told; the answer does not wait for as long as the command may take.
async fn told<F>(command: F) -> Result<(), Refused>
where
    F: Future<Output = Result<(), ControlError>> + Send + 'static,
{
    let command = tokio::spawn(command);
    match timeout(SOON, command).await {
        Ok(Ok(Ok(()))) => Ok(()),
        Ok(Ok(Err(error))) => Err(uncommanded(&error)),
        Ok(Err(error)) => Err(Refused::with(
            StatusCode::INTERNAL_SERVER_ERROR,
            &error.to_string(),
        )),
        Err(_) => Err(Refused::with(StatusCode::ACCEPTED, "told")),
    }
}

fn uncommanded(error: &ControlError) -> Refused {
    match error {
        ControlError::SetCount(error) => uncounted(error),
        ControlError::Unknown { .. } => Refused::with(StatusCode::NOT_FOUND, &error.to_string()),
        _ => Refused::with(StatusCode::CONFLICT, &error.to_string()),
    }
}

fn uncounted(error: &SetCountError) -> Refused {
    match error {
        SetCountError::Find(_) => Refused::with(StatusCode::NOT_FOUND, &error.to_string()),
        SetCountError::Zero { .. } => {
            Refused::with(StatusCode::UNPROCESSABLE_ENTITY, &error.to_string())
        }
        _ => Refused::with(StatusCode::CONFLICT, &error.to_string()),
    }
}

/// Sources take nothing in.
pub(super) async fn pause(asked: Asked) -> Response {
    pauses(asked, true).await
}

/// They do again.
pub(super) async fn resume(asked: Asked) -> Response {
    pauses(asked, false).await
}

async fn pauses(asked: Asked, pause: bool) -> Response {
    let target = match target(&asked) {
        Ok(target) => target,
        Err(unknown) => return unknown.answer(),
    };
    note(&asked, if pause { "pause" } else { "resume" }.to_owned());
    match target {
        Target::Pipeline(handle) if handle.has_ended() => conflict("it has ended"),
        Target::Pipeline(handle) => {
            if pause {
                handle.pause();
            } else {
                handle.resume();
            }
            done()
        }
        Target::Process(control, process) => {
            let command = async move {
                if pause {
                    control.pause(&process).await
                } else {
                    control.resume(&process).await
                }
            };
            result(told(command).await)
        }
    }
}

/// Sources are stopped, and what was taken is worked off, until the deadline.
pub(super) async fn drain(mut asked: Asked) -> Response {
    let wanted = if asked.has_body() {
        match asked.body::<Drain>().await {
            Ok(drain) => drain,
            Err(refused) => return refused.answer(),
        }
    } else {
        Drain::default()
    };
    let deadline = wanted.deadline_ms.map_or(DEADLINE, Duration::from_millis);
    let target = match target(&asked) {
        Ok(target) => target,
        Err(unknown) => return unknown.answer(),
    };
    note(&asked, format!("drain within {} s", deadline.as_secs_f64()));
    match target {
        Target::Pipeline(handle) if handle.has_ended() => conflict("it has ended"),
        Target::Pipeline(handle) => {
            handle.drain();
            tokio::spawn(ends_within(handle, deadline));
            says(StatusCode::ACCEPTED, "it drains")
        }
        Target::Process(control, process) => {
            let command = async move { control.drain(&process, deadline).await };
            result(told(command).await)
        }
    }
}

/// Aborts what has not ended by then.
async fn ends_within(handle: Handle, deadline: Duration) {
    let ended = async {
        while !handle.has_ended() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    if timeout(deadline, ended).await.is_err() {
        handle.abort();
    }
}

/// Everything stops.
pub(super) fn abort(asked: &Asked) -> Response {
    let target = match target(asked) {
        Ok(target) => target,
        Err(unknown) => return unknown.answer(),
    };
    match target {
        Target::Pipeline(handle) if handle.has_ended() => conflict("it has ended"),
        Target::Pipeline(handle) => {
            note(asked, "abort".to_owned());
            handle.abort();
            done()
        }
        Target::Process(..) => conflict("a process of a service is drained or restarted"),
    }
}

/// A process that has ended is made again.
pub(super) async fn start(asked: Asked) -> Response {
    commands(asked, "start", |control, process| {
        Box::pin(async move { control.start(&process).await })
    })
    .await
}

/// A process is drained and made again.
pub(super) async fn restart(asked: Asked) -> Response {
    commands(asked, "restart", |control, process| {
        Box::pin(async move {
            control
                .restart(&process, "asked for through the page")
                .await
        })
    })
    .await
}

type Command = futures::future::BoxFuture<'static, Result<(), ControlError>>;

async fn commands(asked: Asked, what: &str, command: fn(Control, String) -> Command) -> Response {
    match target(&asked) {
        Ok(Target::Process(control, process)) => {
            note(&asked, what.to_owned());
            result(told(command(control, process)).await)
        }
        Ok(Target::Pipeline(_)) => conflict("it is no process of a service"),
        Err(unknown) => unknown.answer(),
    }
}

/// How many items a stage works on at the same time.
pub(super) async fn count(mut asked: Asked) -> Response {
    let count: Count = match asked.body().await {
        Ok(count) => count,
        Err(refused) => return refused.answer(),
    };
    if !(1..=MOST).contains(&count.n) {
        return says(
            StatusCode::UNPROCESSABLE_ENTITY,
            &format!("a count is from 1 to {MOST}"),
        );
    }
    let target = match target(&asked) {
        Ok(target) => target,
        Err(unknown) => return unknown.answer(),
    };
    let stage = asked.names.get(1).cloned().unwrap_or_default();
    note(&asked, format!("count of {stage}: {}", count.n));
    match target {
        // It makes threads in the call.
        Target::Pipeline(handle) => match handle.set_count(&stage, count.n) {
            Ok(()) => done(),
            Err(error) => uncounted(&error).answer(),
        },
        Target::Process(control, process) => {
            let command = async move { control.set_count(&process, &stage, count.n).await };
            result(told(command).await)
        }
    }
}
