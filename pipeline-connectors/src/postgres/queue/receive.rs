//! Receiving: at once if there is something, else when there is.

use std::cmp::Reverse;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, SystemTime};

use pipeline_runtime::queue::{Ask, QueueError, Received};
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::known::{Known, millis};
use super::receipt::{receipt, token};
use super::settle::{Settle, settle};
use crate::attributes::from_json;
use crate::body::QueueBody;
use crate::postgres::error::Failed;
use crate::postgres::line::Value;

/// A receive may bring nothing sooner than it was asked to.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);
/// How often it is looked for leases that have ended, while messages come.
const SWEEP: Duration = Duration::from_millis(500);
/// How often who waits sees to it that somebody looks, whose runtime may have ended.
const LOOKED_AT: Duration = Duration::from_secs(5);

pub(super) async fn receive<B: QueueBody>(
    queue: &Arc<Known<B>>,
    ask: Ask,
) -> Result<Vec<Received<B>>, QueueError> {
    let Ask {
        max, wait, kinds, ..
    } = ask;
    let kinds = (!kinds.is_empty()).then_some(kinds);
    let max = max.min(queue.profile.receives).max(1);
    let until = Instant::now() + wait.min(LONGEST_WAIT);
    let mut waiting = None;
    loop {
        let mut rung = queue.bell.listen();
        // Its own task: what is dropped while the server is asked goes back.
        let taking = tokio::spawn(take(Arc::clone(queue), max, kinds.clone()));
        let taken = taking.await.unwrap_or_else(|ended| {
            let why = format!("the receive has ended: {ended}");
            Err(Failed::away(why))
        });
        let messages = taken.map_err(|failed| queue.error(failed))?.keep();
        if !messages.is_empty() || Instant::now() >= until {
            return Ok(messages);
        }
        waiting.get_or_insert_with(|| queue.db.watch().wait(queue.queue));
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if timeout(left.min(LOOKED_AT), &mut rung).await.is_ok() {
                break;
            }
            if left <= LOOKED_AT {
                return Ok(Vec::new());
            }
            queue.db.watch().look_on();
        }
    }
}

/// Messages on their way to who asked for them. They go back if they do not arrive.
struct Taken<B: QueueBody> {
    queue: Arc<Known<B>>,
    messages: Vec<Received<B>>,
}

impl<B: QueueBody> Taken<B> {
    fn keep(mut self) -> Vec<Received<B>> {
        std::mem::take(&mut self.messages)
    }
}

impl<B: QueueBody> Drop for Taken<B> {
    fn drop(&mut self) {
        let receipts = self.messages.drain(..).map(|message| message.receipt);
        let receipts: Vec<_> = receipts.collect();
        // Without a runtime their leases end later.
        let Some(runtime) = Handle::try_current().ok().filter(|_| !receipts.is_empty()) else {
            return;
        };
        let queue = Arc::clone(&self.queue);
        runtime.spawn(async move { settle(&queue, Settle::GiveBack, &receipts).await });
    }
}

async fn take<B: QueueBody>(
    queue: Arc<Known<B>>,
    max: usize,
    kinds: Option<Arc<[Arc<str>]>>,
) -> Result<Taken<B>, Failed> {
    let kinds = kinds.as_deref().map(|kinds| {
        let kinds = kinds.iter().filter(|kind| !kind.contains('\0'));
        kinds.map(|kind| &**kind).collect::<Vec<&str>>()
    });
    let schema = queue.db.schema();
    let sql = format!("SELECT * FROM {schema}.receive($1, $2, $3, $4, $5, $6)");
    let most = i32::try_from(max).unwrap_or(i32::MAX);
    let (lease, token) = (millis(queue.profile.lease).max(1), token());
    let sweep = sweeps(&queue);
    let values: [Value<'_>; 6] = [
        (&queue.queue, Type::INT4),
        (&most, Type::INT4),
        (&lease, Type::INT8),
        (&token, Type::INT8),
        (&sweep, Type::BOOL),
        (&kinds, Type::TEXT_ARRAY),
    ];
    loop {
        let asked = Instant::now().into_std();
        let rows = queue.db.receiving().query(&sql, &values).await?;
        let mut messages = Vec::with_capacity(rows.len());
        let some = !rows.is_empty();
        for row in rows {
            let at = || Ok((row.try_get(10)?, row.try_get(0)?));
            let at: Result<(i16, i64), tokio_postgres::Error> = at();
            let (priority, seq) = at.map_err(|error| Failed::from(&error))?;
            match read(&queue, &row, seq, token) {
                Ok(message) => {
                    messages.push(((Reverse(priority), seq), message.leased_since(asked)));
                }
                Err(why) => set_aside(&queue, seq, token, &why).await?,
            }
        }
        // What is updated comes in any order.
        messages.sort_unstable_by_key(|(at, _)| *at);
        let messages: Vec<_> = messages.into_iter().map(|(_, message)| message).collect();
        if !some || !messages.is_empty() {
            let taken = Taken {
                queue: Arc::clone(&queue),
                messages,
            };
            return Ok(taken);
        }
    }
}

/// Whether it has to look for leases that have ended.
fn sweeps<B>(queue: &Known<B>) -> bool {
    let asked = queue.bell.sweeps();
    let now = std::time::Instant::now();
    let mut swept = queue.swept.lock().unwrap_or_else(PoisonError::into_inner);
    let due = asked || swept.is_none_or(|swept| now - swept >= SWEEP);
    if due {
        *swept = Some(now);
    }
    due
}

/// A message, or why it cannot be read.
fn read<B: QueueBody>(
    queue: &Known<B>,
    row: &Row,
    seq: i64,
    token: i64,
) -> Result<Received<B>, String> {
    let columns = || -> Result<_, tokio_postgres::Error> {
        let text: Option<String> = row.try_get(8)?;
        let bytes = match text {
            Some(text) => Some(text.into_bytes()),
            None => row.try_get(9)?,
        };
        let (id, dedup, group): (Option<&str>, Option<&str>, Option<&str>) =
            (row.try_get(1)?, row.try_get(2)?, row.try_get(3)?);
        let counts: (i32, i32) = (row.try_get(5)?, row.try_get(6)?);
        let attributes: Option<&str> = row.try_get(7)?;
        let sent: (SystemTime, i16) = (row.try_get(4)?, row.try_get(10)?);
        Ok((bytes, id, dedup, group, sent, counts, attributes))
    };
    let read = columns().map_err(|error| Failed::from(&error).said)?;
    let (bytes, id, dedup, group, (sent, priority), (receives, begun), attributes) = read;
    let attributes = from_json(attributes).map_err(|error| error.to_string())?;
    let body = B::from_bytes(bytes.unwrap_or_default()).map_err(|error| error.to_string())?;
    // An id that the queue gives is no other message's.
    let own = || format!("{}-{seq}", queue.home);
    let count = |count: i32| u32::try_from(count).unwrap_or_default();
    let message = Received::new(
        id.map_or_else(own, str::to_owned),
        receipt(seq, token),
        body,
    );
    let message = message.seen(count(receives), sent).begun(count(begun));
    let mut message = message.attributes(attributes).priority(priority);
    if id.is_some() {
        message = message.number(dedup.map_or_else(own, str::to_owned));
    }
    Ok(match group {
        Some(group) => message.group(group),
        None => message,
    })
}

async fn set_aside<B>(queue: &Known<B>, seq: i64, token: i64, why: &str) -> Result<(), Failed> {
    let sql = format!("SELECT {}.put_aside($1, $2, $3)", queue.db.schema());
    let values: [Value<'_>; 3] = [(&seq, Type::INT8), (&token, Type::INT8), (&why, Type::TEXT)];
    queue.db.receiving().query(&sql, &values).await?;
    let name = &queue.name;
    tracing::warn!(%name, seq, why, "a message that cannot be read is set aside, in the table `set_aside`");
    Ok(())
}
