//! What a stage with `once` makes, recorded or read back.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Task;
use super::codec::{decode, encode};
use crate::failure::{BoxError, Cause};

/// What was made is handed over to be recorded; if nothing was made, what is recorded is read back.
pub(crate) fn once<V: Serialize + DeserializeOwned>(
    made: Option<V>,
    task: &Task,
    key: &'static str,
) -> Result<V, Cause> {
    let Some(value) = made else {
        return read_back(task, key).map_err(|error| failed("read back", task, key, error));
    };
    match encode(&value, task.limit()) {
        Ok(bytes) => task.record(key, bytes),
        Err(error) => return Err(failed("record", task, key, error)),
    }
    Ok(value)
}

fn read_back<V: DeserializeOwned>(task: &Task, key: &str) -> Result<V, BoxError> {
    let bytes = task.recorded(key).ok_or("there is nothing")?;
    decode(&bytes)
}

/// The value does not fit: it is not made again, for what it did is done.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what} `{key}` of task `{task}` (journal {journal})")]
struct Unfit {
    what: &'static str,
    key: &'static str,
    task: std::sync::Arc<str>,
    journal: std::sync::Arc<str>,
    #[source]
    error: BoxError,
}

#[cold]
fn failed(what: &'static str, task: &Task, key: &'static str, error: BoxError) -> Cause {
    Cause::Error(Box::new(Unfit {
        what,
        key,
        task: std::sync::Arc::clone(task.id()),
        journal: task.journal(),
        error,
    }))
}
