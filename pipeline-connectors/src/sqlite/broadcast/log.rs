//! The events of a broadcast, in a file.

use std::sync::Arc;
use std::time::Duration;

use pipeline_runtime::Name;
use pipeline_service::event_log::{Batch, Entry, EventLog, LogError, Page};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use crate::sqlite::{Sqlite, begin, refused, with_room};

/// How often the file is read: nobody tells of what another process writes.
const LOOK: Duration = Duration::from_millis(100);

/// A handle of its own.
#[derive(Debug)]
pub(super) struct FileLog {
    pub(super) file: Sqlite,
    pub(super) broadcast: Arc<str>,
    /// For messages.
    pub(super) place: Name,
    pub(super) keep: u64,
}

impl FileLog {
    async fn run<T: Send + 'static>(
        &self,
        mut work: impl FnMut(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, LogError> {
        let ran = self
            .file
            .run(move |connection| with_room(connection, &mut work))
            .await;
        match ran {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(LogError::new(refused(&error, self.file.busy_timeout()))),
            Err(panicked) => Err(LogError::new(panicked)),
        }
    }
}

impl EventLog for FileLog {
    fn name(&self) -> Name {
        self.place.clone()
    }

    /// What fails is rolled back: a batch that was not added is known not to be.
    async fn append(&self, batch: Arc<Batch>) -> Result<(), LogError> {
        let (broadcast, keep) = (Arc::clone(&self.broadcast), self.keep);
        self.run(move |connection| {
            let transaction = begin(connection)?;
            append(&transaction, &broadcast, &batch, keep)?;
            transaction.commit()
        })
        .await
    }

    async fn read(&self, after: u64, most: usize) -> Result<Page, LogError> {
        let broadcast = Arc::clone(&self.broadcast);
        self.run(move |connection| {
            let snapshot = connection.transaction()?;
            read(&snapshot, &broadcast, after, most)
        })
        .await
    }

    async fn changed(&self) {
        tokio::time::sleep(LOOK).await;
    }
}

fn append(
    transaction: &Transaction<'_>,
    broadcast: &str,
    batch: &Batch,
    keep: u64,
) -> rusqlite::Result<()> {
    let mut last = match last(transaction, broadcast)? {
        Some(last) => last,
        None => begins_anew(transaction, broadcast)?,
    };
    let mut insert = transaction
        .prepare_cached("INSERT INTO brigade_event (broadcast, seq, body) VALUES (?1, ?2, ?3)")?;
    for entry in &batch.entries {
        last = last.saturating_add(entry.numbers());
        if let Entry::Event(body) = entry {
            insert.execute(params![broadcast, last, body])?;
        }
    }
    let told = "UPDATE brigade_broadcast SET last = ?2 WHERE name = ?1";
    transaction
        .prepare_cached(told)?
        .execute(params![broadcast, last])?;
    let drop = "DELETE FROM brigade_event WHERE broadcast = ?1 AND seq <= ?2";
    transaction
        .prepare_cached(drop)?
        .execute(params![broadcast, last.saturating_sub(keep)])?;
    Ok(())
}

fn read(
    snapshot: &Transaction<'_>,
    broadcast: &str,
    after: u64,
    most: usize,
) -> rusqlite::Result<Page> {
    let last = last(snapshot, broadcast)?.unwrap_or_default();
    if last == after {
        return Ok(Page {
            events: Vec::new(),
            last,
        });
    }
    let events = "
        SELECT seq, body FROM brigade_event WHERE broadcast = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3";
    let mut events = snapshot.prepare_cached(events)?;
    let events = events.query_map(params![broadcast, after, most], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    Ok(Page {
        events: events.collect::<rusqlite::Result<_>>()?,
        last,
    })
}

/// None where somebody has removed the row.
fn last(transaction: &Transaction<'_>, broadcast: &str) -> rusqlite::Result<Option<u64>> {
    let last = "SELECT last FROM brigade_broadcast WHERE name = ?1";
    let mut last = transaction.prepare_cached(last)?;
    last.query_row([broadcast], |row| row.get(0)).optional()
}

/// Its row was removed: the number that was given last.
fn begins_anew(transaction: &Transaction<'_>, broadcast: &str) -> rusqlite::Result<u64> {
    let drop = "DELETE FROM brigade_event WHERE broadcast = ?1";
    transaction.execute(drop, [broadcast])?;
    let make = "INSERT INTO brigade_broadcast (name, last) VALUES (?1, 0)";
    transaction.execute(make, [broadcast])?;
    Ok(0)
}
