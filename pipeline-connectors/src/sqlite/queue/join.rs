//! Messages that are sent in the transaction of another part of the same file.

use pipeline_runtime::queue::{Body, Outgoing};
use rusqlite::Transaction;

use super::schema::find;
use super::store::{TOO_LARGE, now, send};
use crate::body::QueueBody;

/// What became of a message.
type Joined = Result<(), String>;

/// Sends a message to the queue of this name in this file. Of the message only the bytes of the body are known. Why it
/// cannot be sent.
pub(in crate::sqlite) fn join(
    transaction: &Transaction<'_>,
    queue: &str,
    message: Outgoing<Vec<u8>>,
) -> rusqlite::Result<Joined> {
    let (queue, bodies) = find(transaction, queue)?;
    if bodies == <String as QueueBody>::KIND {
        return match String::from_bytes(message.body.clone()) {
            Ok(body) => join_as(transaction, queue, &message.map_body(|_| body)),
            Err(error) => Ok(Err(error.to_string())),
        };
    }
    join_as(transaction, queue, &message)
}

fn join_as<B: QueueBody>(
    transaction: &Transaction<'_>,
    queue: i64,
    message: &Outgoing<B>,
) -> rusqlite::Result<Joined> {
    let sent = send(transaction, now(), queue, message)?;
    Ok(sent.then_some(()).ok_or_else(|| TOO_LARGE.to_owned()))
}
