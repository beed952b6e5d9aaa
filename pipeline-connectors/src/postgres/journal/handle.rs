//! A journal, as its users hold it.

use std::fmt;
use std::sync::Arc;

use pipeline_runtime::Name;
use pipeline_runtime::journal::{
    Begin, Begun, Ending, Finish, Forget, Frame, Journal, JournalError, Recorded, Restore,
    Restored, TaskName,
};
use pipeline_runtime::private::held;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::retention::{Pruning, Retention};
use crate::postgres::error::Failed;
use crate::postgres::handle::Postgres;
use crate::postgres::line::Value;

/// A journal in a PostgreSQL database, for any number of programs on any number of machines: what one has recorded, no
/// other calls again. Clones are the same journal.
///
/// Ids, scopes and keys are text without NUL, together up to 2,600 bytes; with others the item fails. All that it is asked
/// waits for the disk, as far as the server's `synchronous_commit` says so.
///
/// # Cancel safety
///
/// What was asked for is done or not, if nobody waits for it.
#[derive(Clone)]
pub struct PostgresJournal(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) db: Postgres,
    pub(super) name: Name,
    pub(super) value_limit: usize,
    pub(super) retention: Retention,
    pub(super) pruning: Pruning,
}

impl PostgresJournal {
    /// Forgets what is recorded of a task under a key: the stage makes it again when the task comes again. For a value that
    /// can no longer be read, or that could not be recorded. Returns whether there was something.
    ///
    /// # Errors
    ///
    /// If the server does not answer, or refuses it.
    ///
    /// # Cancel safety
    ///
    /// It is done or not.
    pub async fn forget(&self, task: TaskName, key: &str) -> Result<bool, JournalError> {
        let schema = self.0.db.schema();
        let sql = format!(
            "DELETE FROM {schema}.frame WHERE task = $1 AND scope = $2 AND key = $3 RETURNING true"
        );
        let (id, scope) = (&*task.id, &*task.scope);
        let values: [Value<'_>; 3] = [(&id, Type::TEXT), (&scope, Type::TEXT), (&key, Type::TEXT)];
        Ok(!self.ask(&sql, &values).await?.is_empty())
    }

    async fn ask(&self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>, JournalError> {
        let line = self.0.db.transacting();
        let asked = held("the journal", line.query_alone(sql, values)).await;
        self.prune();
        asked.map_err(|failed| self.error(failed))
    }

    fn function(&self, call: &str) -> String {
        format!("SELECT * FROM {}.{call}", self.0.db.schema())
    }

    fn error(&self, failed: Failed) -> JournalError {
        failed.into_journal(self.0.db.place())
    }

    fn unreadable(&self, error: &tokio_postgres::Error) -> JournalError {
        self.error(Failed::from(error))
    }

    /// Forgets what is old, now and then, while nobody waits for that.
    fn prune(&self) {
        if !self.0.pruning.is_due() {
            return;
        }
        let journal = self.clone();
        tokio::spawn(async move {
            let Inner { db, pruning, .. } = &*journal.0;
            // It can wait.
            if let Err(failed) = pruning.prune(db, journal.0.retention).await {
                let why = failed.said;
                tracing::warn!(%why, "cannot drop old tasks from the journal");
            }
        });
    }
}

impl Journal for PostgresJournal {
    fn name(&self) -> Name {
        self.0.name.clone()
    }

    fn limit(&self) -> usize {
        self.0.value_limit
    }

    async fn begin(&self, tasks: Vec<Begin>) -> Result<Vec<Begun>, JournalError> {
        if tasks.is_empty() {
            return Ok(Vec::new());
        }
        let (ids, scopes) = names(tasks.iter().map(|begin| &begin.task));
        let messages: Vec<_> = tasks.iter().map(|begin| begin.message.as_deref()).collect();
        let values: [Value<'_>; 3] = [
            (&ids, Type::TEXT_ARRAY),
            (&scopes, Type::TEXT_ARRAY),
            (&messages, Type::TEXT_ARRAY),
        ];
        let rows = self
            .ask(&self.function("begin($1, $2, $3)"), &values)
            .await?;
        let begun = begun(&rows, tasks.len());
        begun.map_err(|error| self.unreadable(&error))
    }

    async fn record(&self, frames: Vec<Frame>) -> Result<Vec<usize>, JournalError> {
        if frames.is_empty() {
            return Ok(Vec::new());
        }
        let (ids, scopes) = names(frames.iter().map(|frame| &frame.task));
        let epochs: Vec<_> = frames.iter().map(|frame| number(frame.epoch)).collect();
        let keys: Vec<_> = frames.iter().map(|frame| &*frame.key).collect();
        let contents: Vec<_> = frames.iter().map(|frame| &*frame.value).collect();
        let values: [Value<'_>; 5] = [
            (&ids, Type::TEXT_ARRAY),
            (&scopes, Type::TEXT_ARRAY),
            (&epochs, Type::INT8_ARRAY),
            (&keys, Type::TEXT_ARRAY),
            (&contents, Type::BYTEA_ARRAY),
        ];
        let call = self.function("record($1, $2, $3, $4, $5)");
        let rows = self.ask(&call, &values).await?;
        let fenced = rows.iter().map(|row| row.try_get::<_, i64>(0).map(index));
        let fenced: Result<_, _> = fenced.collect();
        fenced.map_err(|error| self.unreadable(&error))
    }

    async fn finish(&self, tasks: Vec<Finish>) -> Result<(), JournalError> {
        if tasks.is_empty() {
            return Ok(());
        }
        let (ids, scopes) = names(tasks.iter().map(|finish| &finish.task));
        let epochs: Vec<_> = tasks.iter().map(|finish| number(finish.epoch)).collect();
        let done: Vec<_> = tasks
            .iter()
            .map(|task| task.ending == Ending::Done)
            .collect();
        let remembers = self.0.retention.remembers();
        let values: [Value<'_>; 5] = [
            (&ids, Type::TEXT_ARRAY),
            (&scopes, Type::TEXT_ARRAY),
            (&epochs, Type::INT8_ARRAY),
            (&done, Type::BOOL_ARRAY),
            (&remembers, Type::BOOL),
        ];
        let call = self.function("finish($1, $2, $3, $4, $5)");
        self.ask(&call, &values).await?;
        Ok(())
    }

    async fn restore(&self, tasks: Vec<Restore>) -> Result<Vec<Restored>, JournalError> {
        let call = self.function("restore($1, $2, $3, $4, $5, $6, $7)");
        let mut restored = Vec::with_capacity(tasks.len());
        // Each by itself: what was done before may be done again.
        for Restore {
            begin: Begin { task, message },
            frames,
            forget,
        } in &tasks
        {
            let (id, scope, message) = (&*task.id, &*task.scope, message.as_deref());
            let (keys, all_but) = match forget {
                Forget::Keys(keys) => (keys, false),
                Forget::AllBut(keys) => (keys, true),
            };
            let keys: Vec<_> = keys.iter().map(|key| &**key).collect();
            let known: Vec<_> = frames.iter().map(|frame| &*frame.key).collect();
            let contents: Vec<_> = frames.iter().map(|frame| &*frame.value).collect();
            let values: [Value<'_>; 7] = [
                (&id, Type::TEXT),
                (&scope, Type::TEXT),
                (&message, Type::TEXT),
                (&keys, Type::TEXT_ARRAY),
                (&all_but, Type::BOOL),
                (&known, Type::TEXT_ARRAY),
                (&contents, Type::BYTEA_ARRAY),
            ];
            let rows = self.ask(&call, &values).await?;
            let done = rows.first().map(|row| row.try_get(0)).transpose();
            let done: Option<bool> = done.map_err(|error| self.unreadable(&error))?;
            restored.push(match done {
                Some(true) => Restored::Done,
                _ => Restored::Open,
            });
        }
        Ok(restored)
    }
}

impl fmt::Debug for PostgresJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PostgresJournal")
            .field(&self.0.name)
            .finish()
    }
}

/// By task, in the order in which they were asked of.
fn begun(rows: &[Row], count: usize) -> Result<Vec<Begun>, tokio_postgres::Error> {
    let mut begun = vec![Begun::Done; count];
    for row in rows {
        let Some(epoch) = row.try_get::<_, Option<i64>>(1)? else {
            continue;
        };
        let Some(begun) = begun.get_mut(index(row.try_get(0)?)) else {
            continue;
        };
        if *begun == Begun::Done {
            *begun = Begun::Open {
                epoch: epoch.unsigned_abs(),
                frames: Vec::new(),
            };
        }
        let key: Option<&str> = row.try_get(2)?;
        if let (Begun::Open { frames, .. }, Some(key)) = (begun, key) {
            frames.push(Recorded {
                key: key.into(),
                value: row.try_get::<_, &[u8]>(3)?.into(),
            });
        }
    }
    Ok(begun)
}

pub(super) fn names<'a>(tasks: impl Iterator<Item = &'a TaskName>) -> (Vec<&'a str>, Vec<&'a str>) {
    tasks.map(|task| (&*task.id, &*task.scope)).unzip()
}

/// The server counts from 1.
pub(super) fn index(nth: i64) -> usize {
    usize::try_from(nth - 1).unwrap_or(usize::MAX)
}

/// Epochs are given by the server, so they fit.
pub(super) fn number(epoch: u64) -> i64 {
    i64::try_from(epoch).unwrap_or(i64::MAX)
}
