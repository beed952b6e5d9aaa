//! What a stage with `once` makes, recorded or read back.

use serde::Serialize;
use serde::de::DeserializeOwned;

use std::sync::Arc;

use super::codec::{decode, encode};
use super::{Task, UNRECORDED};
use crate::failure::{BoxError, Cause};
use crate::guard;

/// What was made is handed over to be recorded; if nothing was made, what is recorded is read back.
pub(crate) fn once<V: Serialize + DeserializeOwned>(
    made: Option<V>,
    task: &Task,
    key: &'static str,
) -> Result<V, Cause> {
    let Some(value) = made else {
        return read_back(task, key).map_err(|error| failed("read back", task, key, error));
    };
    // A `Serialize` that panics is one that fails: what the stage did is done all the same.
    let encoded = guard::call(|| encode(&value, task.limit()));
    let encoded = encoded.unwrap_or_else(|panicked| Err(panicked.into()));
    let bytes = encoded.unwrap_or_else(|error| unrecorded(task, key, &error));
    task.record(key, bytes);
    Ok(value)
}

/// What the stage did is done: its item goes on, and only that it was made is recorded.
#[cold]
fn unrecorded(task: &Task, key: &'static str, error: &BoxError) -> Arc<[u8]> {
    tracing::warn!(task = %task.id(), key, journal = %task.journal(), %error,
        "a value cannot be recorded; if its task comes again it fails there, and is not made again");
    Arc::from(UNRECORDED)
}

fn read_back<V: DeserializeOwned>(task: &Task, key: &str) -> Result<V, BoxError> {
    let bytes = task.recorded(key).ok_or("there is nothing")?;
    if *bytes == *UNRECORDED {
        return Err("it was made before, and could not be recorded; forget it in the journal to have it made again".into());
    }
    decode(&bytes)
}

/// The value does not fit: it is not made again, for what it did is done.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what} `{key}` of task `{task}` (journal {journal})")]
struct Unfit {
    what: &'static str,
    key: &'static str,
    task: Arc<str>,
    journal: Arc<str>,
    #[source]
    error: BoxError,
}

#[cold]
fn failed(what: &'static str, task: &Task, key: &'static str, error: BoxError) -> Cause {
    Cause::Error(Box::new(Unfit {
        what,
        key,
        task: Arc::clone(task.id()),
        journal: task.journal().into(),
        error,
    }))
}
