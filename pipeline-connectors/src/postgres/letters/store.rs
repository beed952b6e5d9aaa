//! A store of dead letters, as its users hold it.

use std::collections::HashMap;
use std::sync::Arc;

use pipeline_runtime::Name;
use pipeline_runtime::private::held;
use pipeline_runtime::queue::{DeadLetter, DeadLetters, DeadLettersError};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::rows::{letter, put, select};
use crate::postgres::error::{ConnectError, Failed};
use crate::postgres::handle::Postgres;
use crate::postgres::line::Value;
use crate::replay::{LettersError, Only};

/// Keeps dead letters in a PostgreSQL database, in the table `letter`, for people to look at and to be sent back. Clones are
/// the same store.
///
/// Any number of programs may write to it at the same time. A letter of a message that has one already, by its scope and id,
/// takes its place. An original that is text is kept as text. A NUL in what is said of a failure is written as `U+FFFD`; a
/// letter of a message with a NUL in its id, its group or a key is refused. [`replay`](PostgresLetters::replay) sends
/// letters back.
///
/// # Cancel safety
///
/// A call that is dropped is done as a whole, or not at all.
#[derive(Debug, Clone)]
pub struct PostgresLetters {
    pub(super) db: Postgres,
    /// What tells the tables from others.
    pub(super) home: Arc<str>,
}

impl Postgres {
    /// The dead letters of the database, to be opened.
    pub fn letters(&self) -> PostgresLettersBuilder {
        PostgresLettersBuilder { db: self.clone() }
    }
}

/// Describes a store of dead letters; [`Postgres::letters`] begins it.
#[derive(Debug, Clone)]
#[must_use = "nothing is opened before `open`"]
pub struct PostgresLettersBuilder {
    db: Postgres,
}

impl PostgresLettersBuilder {
    /// Opens it, and makes the tables first if there are none. A server that does not answer is waited for, for
    /// [`connect_within`](crate::database::PostgresBuilder::connect_within).
    ///
    /// # Errors
    ///
    /// If the server does not answer in time; if the user may not make the tables, or use those that are there; if the
    /// tables are of another major version.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn open(self) -> Result<PostgresLetters, ConnectError> {
        let home = self.db.home_in_time().await?;
        Ok(PostgresLetters { db: self.db, home })
    }
}

impl PostgresLetters {
    /// How many letters there are.
    ///
    /// # Errors
    ///
    /// If the server does not answer.
    pub async fn count(&self) -> Result<u64, LettersError> {
        let sql = format!("SELECT count(*) FROM {}.letter", self.db.schema());
        let rows = self.ask(&sql, &[]).await?;
        let count = rows.first().map(|row| row.try_get::<_, i64>(0)).transpose();
        let count = count.map_err(|error| self.error(Failed::from(&error)))?;
        Ok(count.unwrap_or_default().unsigned_abs())
    }

    /// The letters of what was given up on first, up to `most`.
    ///
    /// # Errors
    ///
    /// If the server does not answer.
    pub async fn oldest(&self, most: usize) -> Result<Vec<DeadLetter>, LettersError> {
        let found = self.find(Only::default(), most).await?;
        Ok(found.into_iter().map(|(_, letter)| letter).collect())
    }

    /// The letters of messages with this id: one at most for each scope, the oldest first.
    ///
    /// # Errors
    ///
    /// If the server does not answer.
    pub async fn get(&self, id: &str) -> Result<Vec<DeadLetter>, LettersError> {
        let only = Only {
            ids: Some(vec![id.to_owned()]),
            ..Only::default()
        };
        let found = self.find(only, usize::MAX).await?;
        Ok(found.into_iter().map(|(_, letter)| letter).collect())
    }

    /// Removes these letters, and no newer letter of their messages. Returns how many were removed.
    ///
    /// # Errors
    ///
    /// If the server does not answer; then none is removed.
    pub async fn remove(&self, letters: &[DeadLetter]) -> Result<usize, LettersError> {
        let sql = format!(
            "DELETE FROM {}.letter l USING unnest($1, $2, $3) AS r (id, scope, failed_at)
            WHERE l.id = r.id AND l.scope = r.scope AND l.failed_at = r.failed_at RETURNING l.seq",
            self.db.schema()
        );
        let ids: Vec<_> = letters.iter().map(|letter| &*letter.id).collect();
        let scopes: Vec<_> = letters.iter().map(|letter| &*letter.scope).collect();
        let times: Vec<_> = letters.iter().map(|letter| letter.failed_at).collect();
        let values: [Value<'_>; 3] = [
            (&ids, Type::TEXT_ARRAY),
            (&scopes, Type::TEXT_ARRAY),
            (&times, Type::TIMESTAMPTZ_ARRAY),
        ];
        Ok(self.ask(&sql, &values).await?.len())
    }

    /// Removes all letters that are there when it begins. Returns how many.
    ///
    /// # Errors
    ///
    /// If the server does not answer; then they are removed, or none is.
    pub async fn purge(&self) -> Result<u64, LettersError> {
        let sql = format!(
            "WITH gone AS (DELETE FROM {}.letter RETURNING 1) SELECT count(*) FROM gone",
            self.db.schema()
        );
        let rows = self.ask(&sql, &[]).await?;
        let gone = rows.first().map(|row| row.try_get::<_, i64>(0)).transpose();
        let gone = gone.map_err(|error| self.error(Failed::from(&error)))?;
        Ok(gone.unwrap_or_default().unsigned_abs())
    }

    /// Those of these letters, up to `most`: in the order in which they were written, where they are told by number, else
    /// what was given up on first.
    pub(super) async fn find(
        &self,
        only: Only,
        most: usize,
    ) -> Result<Vec<(i64, DeadLetter)>, LettersError> {
        let order = if only.numbers.is_some() {
            "seq"
        } else {
            "failed_at, seq"
        };
        let sql = format!(
            "{} WHERE ($1::text[] IS NULL OR id = ANY ($1))
            AND ($2::text IS NULL OR stage = $2 OR right(stage, length($2) + 1) = '/' || $2)
            AND ($3::text IS NULL OR strpos(cause, $3) > 0)
            AND ($4::timestamptz IS NULL OR failed_at <= $4) AND seq > $5 AND seq <= $6
            ORDER BY {order} LIMIT $7",
            select(self.db.schema())
        );
        let (after, newest) = only.numbers.unwrap_or((i64::MIN, i64::MAX));
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let values: [Value<'_>; 7] = [
            (&only.ids, Type::TEXT_ARRAY),
            (&only.stage, Type::TEXT),
            (&only.cause, Type::TEXT),
            (&only.until, Type::TIMESTAMPTZ),
            (&after, Type::INT8),
            (&newest, Type::INT8),
            (&most, Type::INT8),
        ];
        let rows = self.ask(&sql, &values).await?;
        let letters: Result<_, _> = rows.iter().map(letter).collect();
        letters.map_err(|error| self.error(Failed::from(&error)))
    }

    pub(super) async fn ask(
        &self,
        sql: &str,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, LettersError> {
        let asking = self.db.transacting().query_alone(sql, values);
        let rows = held("the dead letters", asking).await;
        rows.map_err(|failed| self.error(failed))
    }

    pub(super) fn error(&self, failed: Failed) -> LettersError {
        let place = format!("PostgreSQL at {}", self.db.place());
        LettersError::new(place, failed.kind, failed.said)
    }

    async fn put_all(&self, letters: &[DeadLetter]) -> Result<(), Failed> {
        let mut alone = self.db.transacting().alone().await?;
        let transaction = alone.transaction().await?;
        for letter in letters {
            let put = put(&transaction, self.db.schema(), letter).await;
            put.map_err(|error| Failed::from(&error))?;
        }
        let committed = transaction.commit().await;
        committed.map_err(|error| Failed::from(&error))
    }
}

impl DeadLetters for PostgresLetters {
    fn name(&self) -> Name {
        format!("postgres:{}", self.db.database()).into()
    }

    async fn write(&self, letters: Vec<DeadLetter>) -> Result<(), DeadLettersError> {
        // In the order of their names, so that two who write never wait for each other; of one name the last.
        let named = letters.iter().enumerate();
        let last: HashMap<_, _> = named
            .map(|(index, letter)| ((&*letter.id, &*letter.scope), index))
            .collect();
        let mut order: Vec<_> = last.into_iter().collect();
        order.sort_unstable();
        let letters: Vec<_> = order
            .iter()
            .map(|(_, index)| letters[*index].clone())
            .collect();
        let written = held("the dead letters", self.put_all(&letters)).await;
        written.map_err(|failed| DeadLettersError::new(failed.kind, self.error(failed)))
    }
}
