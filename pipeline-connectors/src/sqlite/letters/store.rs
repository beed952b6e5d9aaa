//! Dead letters in a SQLite file.

use std::path::Path;
use std::sync::Arc;

use pipeline_runtime::ErrorKind;
use pipeline_runtime::Name;
use pipeline_runtime::queue::{DeadLetter, DeadLetters, DeadLettersError};
use rusqlite::{Connection, Transaction};

use super::rows::{millis, newest, put, remove, remove_numbered};
use super::schema::prepare;
use super::select::read;
use crate::replay::{LettersError, Only};
use crate::sqlite::{
    OpenError, Sqlite, SqliteBuilder, Synchronous, begin, kind, refused, with_room,
};

/// Keeps dead letters in a SQLite file, which may be that of the queue or of the journal. Its tables begin with
/// `brigade_dead_`. Clones are the same store.
///
/// Several processes may open it at the same time. What is written is on the disk before [`write`](DeadLetters::write)
/// returns. A letter of a message that has one already, by its scope and id, takes its place.
/// [`replay`](SqliteLetters::replay) sends letters back.
///
/// # Cancel safety
///
/// A call that is dropped is done as a whole, or not at all.
#[derive(Debug, Clone)]
pub struct SqliteLetters {
    /// A handle of its own, which waits for the disk whatever others do.
    file: Sqlite,
    name: Name,
    /// What tells the file from others.
    pub(super) place: Arc<str>,
}

impl Sqlite {
    /// The dead letters of the file, to be opened.
    pub fn letters(&self) -> SqliteLettersBuilder {
        SqliteLettersBuilder {
            file: self.file().clone().synchronous(Synchronous::Full),
        }
    }
}

/// Describes a store of dead letters; [`Sqlite::letters`] begins it.
#[derive(Debug, Clone)]
#[must_use = "nothing is opened before `open`"]
pub struct SqliteLettersBuilder {
    file: SqliteBuilder,
}

impl SqliteLettersBuilder {
    /// Opens it, and makes it first if there is none.
    ///
    /// Blocks, for the busy timeout at most.
    ///
    /// # Errors
    ///
    /// Those of [`SqliteBuilder::open`]; and if the file holds letters of another version.
    pub fn open(self) -> Result<SqliteLetters, OpenError> {
        let (connection, ()) = self.file.open_with(prepare)?;
        let name = self.file.name().into();
        let place = self.file.place();
        let file = self.file.share(connection)?;
        Ok(SqliteLetters { file, name, place })
    }
}

impl SqliteLetters {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// How many letters there are.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub async fn count(&self) -> Result<u64, LettersError> {
        let count = "SELECT count(*) FROM brigade_dead_letter";
        self.run(|connection| connection.query_row(count, [], |row| row.get(0)))
            .await
    }

    /// The letters of what was given up on first, up to `most`.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub async fn oldest(&self, most: usize) -> Result<Vec<DeadLetter>, LettersError> {
        let found = self.find(Only::default(), most).await?;
        Ok(found.into_iter().map(|(_, letter)| letter).collect())
    }

    /// The letters of messages with this id: one at most for each scope, the oldest first.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub async fn get(&self, id: &str) -> Result<Vec<DeadLetter>, LettersError> {
        let only = Only {
            ids: Some(vec![id.to_owned()]),
            ..Only::default()
        };
        let found = self.find(only, usize::MAX).await?;
        Ok(found.into_iter().map(|(_, letter)| letter).collect())
    }

    /// Those of these letters, up to `most`, in the order in which they were written, each with its number.
    pub(super) async fn find(
        &self,
        only: Only,
        most: usize,
    ) -> Result<Vec<(i64, DeadLetter)>, LettersError> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        self.run(move |connection| {
            // A letter and its frames are those of one moment.
            let reading = connection.transaction()?;
            read(&only, &reading, most)
        })
        .await
    }

    /// Removes these letters, and no newer letter of their messages. Returns how many were removed.
    ///
    /// # Errors
    ///
    /// If the file cannot be written; then none is removed.
    pub async fn remove(&self, letters: &[DeadLetter]) -> Result<usize, LettersError> {
        let of = |letter: &DeadLetter| {
            let failed_at = millis(letter.failed_at);
            (letter.scope.clone(), letter.id.clone(), failed_at)
        };
        let letters: Vec<_> = letters.iter().map(of).collect();
        self.write_with(move |transaction| {
            let mut removed = 0;
            for (scope, id, failed_at) in &letters {
                removed += remove(transaction, scope, id, Some(*failed_at))?;
            }
            Ok(removed)
        })
        .await
    }

    /// Removes all letters that are there when it begins. Returns how many.
    ///
    /// # Errors
    ///
    /// If the file cannot be written; then some may be removed.
    pub async fn purge(&self) -> Result<u64, LettersError> {
        /// So many are removed in one transaction: so long others that write wait.
        const AT_ONCE: i64 = 2_000;
        const SOME: &str = "SELECT seq FROM brigade_dead_letter WHERE seq <= ?1 LIMIT ?2";
        let newest = self.run(|connection| newest(connection)).await?;
        let mut purged = 0;
        loop {
            let some = move |transaction: &Transaction<'_>| {
                let mut some = transaction.prepare_cached(SOME)?;
                let seqs = some.query_map((newest, AT_ONCE), |row| row.get(0))?;
                let seqs = seqs.collect::<rusqlite::Result<Vec<i64>>>()?;
                for seq in &seqs {
                    remove_numbered(transaction, *seq)?;
                }
                Ok(seqs.len() as u64)
            };
            let removed = self.write_with(some).await?;
            if removed == 0 {
                return Ok(purged);
            }
            purged += removed;
        }
    }

    /// Does all of it, or nothing.
    pub(super) async fn write_with<T: Send + 'static>(
        &self,
        mut work: impl FnMut(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, LettersError> {
        self.run(move |connection| {
            let transaction = begin(connection)?;
            let done = work(&transaction)?;
            transaction.commit()?;
            Ok(done)
        })
        .await
    }

    pub(super) async fn run<T: Send + 'static>(
        &self,
        mut work: impl FnMut(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, LettersError> {
        let work = move |connection: &mut Connection| with_room(connection, &mut work);
        let (kind, problem) = match self.file.run(work).await {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(error)) => (kind(&error), refused(&error, self.file.busy_timeout())),
            Err(panic) => (ErrorKind::Refused, panic),
        };
        let place = self.path().display().to_string();
        Err(LettersError::new(place, kind, problem))
    }
}

impl DeadLetters for SqliteLetters {
    fn name(&self) -> Name {
        self.name.clone()
    }

    async fn write(&self, letters: Vec<DeadLetter>) -> Result<(), DeadLettersError> {
        let written = self
            .write_with(move |transaction| put(transaction, &letters))
            .await;
        written.map_err(|error| DeadLettersError::new(error.kind(), error))
    }
}
