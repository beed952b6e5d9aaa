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
    match made {
        Some(value) => match encode(&value, task.limit()) {
            Ok(bytes) => {
                task.record(key, bytes);
                Ok(value)
            }
            Err(error) => Err(failed("record", task, key, error)),
        },
        None => {
            let bytes = task.recorded(key).ok_or("there is nothing".into());
            let value = bytes.and_then(|bytes| decode(&bytes));
            value.map_err(|error| failed("read back", task, key, error))
        }
    }
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
