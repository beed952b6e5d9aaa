//! A queue in a file as its operator sees it: over a connection of its own, so that who works with the queue does not
//! wait for it.

use pipeline_runtime::ErrorKind;
use pipeline_runtime::private::held;
use pipeline_runtime::queue::{Admin, Filter, MessageInfo, Pause, QueueError, QueueStats};
use rusqlite::{Connection, Transaction};
use tokio::task::spawn_blocking;

use super::SqliteQueue;
use super::look::Of;
use super::store::{expire, is_expired, millis, now, take_out};
use super::thread::queue_error;
use crate::body::QueueBody;
use crate::sqlite::{OpenError, OpenErrorKind, Sqlite, begin, with_room};

/// How many messages are removed in one transaction: so long others that write wait.
const AT_ONCE: usize = 5_000;

impl<B: QueueBody> SqliteQueue<B> {
    async fn beside(&self) -> Result<&Sqlite, QueueError> {
        let open = async || {
            let file = self.0.file.clone();
            match spawn_blocking(|| file.open()).await {
                Ok(opened) => opened.map_err(|error| unopened(&error)),
                Err(ended) => Err(QueueError::away(ended.to_string())),
            }
        };
        self.0.beside.get_or_try_init(open).await
    }

    async fn look<T: Send + 'static>(
        &self,
        mut look: impl FnMut(&Connection, &Of) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, QueueError> {
        let of = self.of();
        self.run(move |connection| {
            // All of it as it was at one moment.
            let reading = connection.transaction()?;
            look(&reading, &of)
        })
        .await
    }

    /// Does all of it, or nothing.
    async fn change<T: Send + 'static>(
        &self,
        mut change: impl FnMut(&Transaction<'_>, &Of) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, QueueError> {
        let of = self.of();
        self.run(move |connection| {
            let transaction = begin(connection)?;
            let done = change(&transaction, &of)?;
            transaction.commit()?;
            Ok(done)
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        mut work: impl FnMut(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, QueueError> {
        let db = held("the queue", self.beside()).await?;
        let work = move |connection: &mut Connection| with_room(connection, &mut work);
        match held("the queue", db.run(work)).await {
            Ok(worked) => worked.map_err(|error| queue_error(&error, db.busy_timeout())),
            Err(panic) => Err(QueueError::refused(panic)),
        }
    }

    fn of(&self) -> Of {
        Of {
            queue: self.0.queue,
            prefix: self.0.prefix.clone(),
        }
    }

    async fn set_paused(&self, until: Option<i64>) -> Result<(), QueueError> {
        const PAUSE: &str = "UPDATE brigade_queue_name SET paused = ?2 WHERE queue = ?1";
        self.change(move |transaction, of| transaction.execute(PAUSE, (of.queue, until)))
            .await?;
        Ok(())
    }

    /// Removes what has expired, if anything has.
    async fn tidy(&self) -> Result<(), QueueError> {
        let look = self.look(|connection, of| is_expired(connection, of.queue));
        if look.await? {
            self.change(|transaction, of| expire(transaction, now(), of.queue))
                .await?;
        }
        Ok(())
    }

    /// Does it with each message of these ids. The ids of which it was done with none.
    async fn each(
        &self,
        ids: Vec<String>,
        act: impl Fn(&Transaction<'_>, &Of, i64) -> rusqlite::Result<bool> + Send + Copy + 'static,
    ) -> Result<Vec<String>, QueueError> {
        let mut unknown = Vec::new();
        for ids in ids.chunks(AT_ONCE) {
            let ids = ids.to_vec();
            let part = self.change(move |transaction, of| {
                let mut unknown = Vec::new();
                for id in &ids {
                    let mut is_done = false;
                    for seq in of.find(transaction, id)? {
                        is_done |= act(transaction, of, seq)?;
                    }
                    if !is_done {
                        unknown.push(id.clone());
                    }
                }
                Ok(unknown)
            });
            unknown.extend(part.await?);
        }
        Ok(unknown)
    }
}

impl<B: QueueBody> Admin for SqliteQueue<B> {
    async fn stats(&self) -> Result<QueueStats, QueueError> {
        self.tidy().await?;
        self.look(|connection, of| of.stats(connection)).await
    }

    async fn list(&self, filter: Filter, limit: usize) -> Result<Vec<MessageInfo>, QueueError> {
        self.tidy().await?;
        self.look(move |connection, of| of.list(connection, &filter, limit))
            .await
    }

    async fn get(&self, id: &str) -> Result<Vec<MessageInfo>, QueueError> {
        let id = id.to_owned();
        self.tidy().await?;
        self.look(move |connection, of| of.get(connection, &id))
            .await
    }

    async fn cancel(&self, ids: Vec<String>) -> Result<Vec<String>, QueueError> {
        self.each(ids, |transaction, of, seq| {
            take_out(transaction, now(), of.queue, seq)
        })
        .await
    }

    async fn retry_now(&self, ids: Vec<String>) -> Result<Vec<String>, QueueError> {
        const READY: &str =
            "UPDATE brigade_queue SET due = 0 WHERE seq = ?1 AND due > ?2 AND taken = 0";
        self.each(ids, |transaction, _of, seq| {
            Ok(transaction.prepare_cached(READY)?.execute((seq, now()))? > 0)
        })
        .await
    }

    async fn purge(&self) -> Result<u64, QueueError> {
        const NEWEST: &str = "SELECT ifnull(max(seq), 0) FROM brigade_queue";
        let newest: i64 = self
            .look(|connection, _of| connection.query_row(NEWEST, [], |row| row.get(0)))
            .await?;
        let mut purged = 0;
        loop {
            let removed = self
                .change(move |transaction, of| remove_some(transaction, of, newest))
                .await?;
            if removed == 0 {
                return Ok(purged);
            }
            purged += removed;
        }
    }

    async fn pause(&self, pause: Pause) -> Result<(), QueueError> {
        let until = match pause {
            Pause::For(time) => now().saturating_add(millis(time)),
            Pause::UntilResumed => i64::MAX,
        };
        self.set_paused(Some(until)).await
    }

    async fn resume(&self) -> Result<(), QueueError> {
        self.set_paused(None).await
    }
}

/// Of what waits for another first: what takes the place of a message that is removed is then only what was sent since.
fn remove_some(transaction: &Transaction<'_>, of: &Of, newest: i64) -> rusqlite::Result<u64> {
    const BEHIND: &str = "SELECT seq, false FROM brigade_queue INDEXED BY brigade_queue_grp
        WHERE grp IS NOT NULL AND queue = ?1 AND due IS NULL AND +seq <= ?2 LIMIT ?3";
    const OTHERS: &str =
        "SELECT seq, grp IS NOT NULL FROM brigade_queue INDEXED BY brigade_queue_due
        WHERE queue = ?1 AND due IS NOT NULL AND +seq <= ?2 LIMIT ?3";
    const REMOVE: &str = "DELETE FROM brigade_queue WHERE seq IN (SELECT value FROM json_each(?1))";
    let (mut removed, now) = (0, now());
    for some in [BEHIND, OTHERS] {
        let mut some = transaction.prepare_cached(some)?;
        let found = some.query_map((of.queue, newest, AT_ONCE - removed), |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
        let found = found.collect::<rusqlite::Result<Vec<(i64, bool)>>>()?;
        // Behind the first of a group another may come; the rest goes at once.
        let (heads, others): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|(_, is_head)| *is_head);
        let others: Vec<_> = others.into_iter().map(|(seq, _)| seq).collect();
        let others = serde_json::json!(others).to_string();
        removed += transaction.prepare_cached(REMOVE)?.execute([others])?;
        for (seq, _) in heads {
            removed += usize::from(take_out(transaction, now, of.queue, seq)?);
        }
    }
    Ok(removed as u64)
}

fn unopened(error: &OpenError) -> QueueError {
    let passes = matches!(
        error.kind,
        OpenErrorKind::Locked(_)
            | OpenErrorKind::DiskFull
            | OpenErrorKind::NoDescriptors
            | OpenErrorKind::NoThread(_)
    );
    let kind = if passes {
        ErrorKind::Away
    } else {
        ErrorKind::Closed
    };
    QueueError::new(kind, error.to_string())
}
