//! What the thread does with the connection.

use std::time::{Duration, Instant};

use pipeline_runtime::journal::JournalError;
use rusqlite::Connection;

use super::ask::{Ask, Done};
use super::retention::{PRUNED, Retention, drop_done, drop_old, too_many};
use super::stats::JournalStats;
use super::tasks;
use crate::sqlite::{Connected, begin, kind, refused, with_room};

/// How often to look for what need not be kept any longer.
const PRUNED_EVERY: Duration = Duration::from_secs(10);

pub(super) struct Batches {
    connection: Connection,
    retention: Retention,
    busy_timeout: Duration,
    /// Whether what is recorded is to survive a power failure.
    durable: bool,
    /// Whether the next commit waits for the disk, if it is.
    waits: bool,
    prune_at: Instant,
    /// Of those that are done, how many are too many.
    too_many: usize,
    warned: bool,
    stats: JournalStats,
}

impl Batches {
    pub(super) fn new(
        connection: Connection,
        retention: Retention,
        busy_timeout: Duration,
        durable: bool,
        stats: JournalStats,
    ) -> Self {
        connection.set_prepared_statement_cache_capacity(32);
        Self {
            connection,
            retention,
            busy_timeout,
            durable,
            waits: true,
            prune_at: Instant::now(),
            too_many: 0,
            warned: false,
            stats,
        }
    }

    /// Does all that is asked in two transactions, of which the second waits for the disk, and answers.
    pub(super) fn serve(&mut self, asks: Vec<Ask>) {
        let (durable, lazy): (Vec<_>, Vec<_>) = asks.into_iter().partition(Ask::is_durable);
        for (asks, waits) in [(lazy, false), (durable, true)] {
            if asks.is_empty() {
                continue;
            }
            match with_room(self, |batches| batches.transact(&asks, waits)) {
                Ok(done) => {
                    for (ask, done) in asks.into_iter().zip(done) {
                        ask.answer(done);
                    }
                }
                Err(error) => {
                    let (kind, why) = (kind(&error), refused(&error, self.busy_timeout));
                    for ask in asks {
                        ask.refuse(JournalError::new(kind, why.clone()));
                    }
                }
            }
        }
    }

    fn transact(&mut self, asks: &[Ask], waits: bool) -> rusqlite::Result<Vec<Done>> {
        self.wait_for_disk(waits)?;
        let (retention, stats) = (self.retention, self.stats.clone());
        let transaction = begin(&mut self.connection)?;
        let done = asks.iter().map(|ask| {
            Ok(match ask {
                Ask::Begin(begins, _) => Done::Begun(tasks::begin(&transaction, begins)?),
                Ask::Record(frames, _) => Done::Recorded(tasks::record(&transaction, frames)?),
                Ask::Restore(asked, _) => Done::Restored(tasks::restore(&transaction, asked)?),
                Ask::Finish(ends, _) => {
                    tasks::finish(&transaction, ends, retention)?;
                    Done::Finished
                }
                Ask::Forget(task, key, _) => {
                    Done::Forgotten(tasks::forget(&transaction, task, key)?)
                }
            })
        });
        let done = done.collect::<rusqlite::Result<Vec<_>>>()?;
        transaction.commit()?;
        stats.served(asks, &done);
        Ok(done)
    }

    fn wait_for_disk(&mut self, waits: bool) -> rusqlite::Result<()> {
        if self.durable && self.waits != waits {
            let value = if waits { "FULL" } else { "NORMAL" };
            self.connection.pragma_update(None, "synchronous", value)?;
            self.waits = waits;
        }
        Ok(())
    }

    /// Drops some of what need not be kept any longer, if it is time to, or if there was more than fits one transaction.
    pub(super) fn prune(&mut self) {
        if Instant::now() < self.prune_at {
            return;
        }
        match with_room(self, Self::try_prune) {
            // There may be more.
            Ok(dropped) if dropped >= PRUNED => {}
            Ok(_) => self.prune_at = Instant::now() + PRUNED_EVERY,
            Err(error) => {
                // It can wait.
                let why = refused(&error, self.busy_timeout);
                tracing::warn!(%why, "cannot drop old tasks from the journal");
                self.prune_at = Instant::now() + PRUNED_EVERY;
            }
        }
    }

    fn try_prune(&mut self) -> rusqlite::Result<usize> {
        let retention = self.retention;
        if self.too_many == 0 {
            self.too_many = too_many(&self.connection, retention)?;
        }
        let too_many = self.too_many;
        self.wait_for_disk(false)?;
        let transaction = begin(&mut self.connection)?;
        let dropped = match too_many {
            0 => drop_old(&transaction, retention)?,
            too_many => drop_done(&transaction, too_many)?,
        };
        transaction.commit()?;
        if too_many > 0 {
            // What another process has dropped meanwhile is counted anew.
            self.too_many = if dropped == 0 { 0 } else { too_many - dropped };
            if !std::mem::replace(&mut self.warned, true) {
                tracing::warn!(
                    tasks = retention.tasks,
                    "the journal remembers no more tasks that are done; a message that comes again after so many others is a new task"
                );
            }
        }
        Ok(dropped)
    }

    /// Whatever the time.
    #[cfg(test)]
    pub(super) fn prune_now(&mut self) {
        self.prune_at = Instant::now();
        self.prune();
    }
}

impl Connected for Batches {
    fn connection(&self) -> &Connection {
        &self.connection
    }
}
