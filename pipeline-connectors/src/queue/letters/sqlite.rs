//! Dead letters in a SQLite file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pipeline_runtime::ErrorKind;
use pipeline_runtime::queue::{DeadLetter, DeadLetters, DeadLettersError};
use rusqlite::{Connection, Transaction};

use super::rows::{millis, newest, put, remove};
use super::schema::prepare;
use super::select::Only;
use crate::sqlite::{
    Database, OpenError, Sqlite, Synchronous, begin, kind, refused, sqlite, with_room,
};

/// Keeps dead letters in a SQLite file, which may be that of the queue or of the journal. Its tables begin with
/// `brigade_dead_`. Clones are the same store.
///
/// Several processes may open it at the same time. What the file may be called, and what room it needs, is that of
/// [a database of tables](crate::sqlite()#room-on-the-disk).
///
/// What is written is on the disk before [`write`](DeadLetters::write) returns. A letter of a message that has one
/// already, by its scope and id, takes its place. [`replay`](SqliteDeadLetters::replay) sends letters back.
///
/// # Cancel safety
///
/// A call that is dropped is done as a whole, or not at all.
#[derive(Debug, Clone)]
pub struct SqliteDeadLetters {
    database: Database,
    name: Arc<str>,
}

/// Letters could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("dead letters in {path}: {problem}", path = path.display())]
pub struct LettersError {
    path: PathBuf,
    problem: String,
    kind: ErrorKind,
}

impl LettersError {
    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it says of the letters, and of what comes after them.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl SqliteDeadLetters {
    /// Opens the store at `path`, and makes it first if there is none.
    ///
    /// Blocks, for 5 seconds at most if another program holds the file locked.
    ///
    /// # Errors
    ///
    /// If it is not a database, is locked by another program, may not be written or cannot be made there; if the disk is
    /// full or file descriptors ran out; if the path is empty or names no file; if it holds letters of another version.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, OpenError> {
        Self::open_file(sqlite(path))
    }

    /// The same in a file that is described, with a [`busy_timeout`](Sqlite::busy_timeout) of its own say. Whatever its
    /// [`synchronous`](Sqlite::synchronous) is, what is written is on the disk.
    ///
    /// Blocks, for the busy timeout at most.
    ///
    /// # Errors
    ///
    /// Those of [`SqliteDeadLetters::open`].
    pub fn open_file(file: Sqlite) -> Result<Self, OpenError> {
        let file = file.synchronous(Synchronous::Full);
        let (connection, ()) = file.open_with(prepare)?;
        let database = file.share(connection)?;
        let file = database.path().file_name().unwrap_or_default();
        let name = format!("sqlite:{}", file.to_string_lossy()).into();
        Ok(Self { database, name })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.database.path()
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
        let found = self.select(Only::default(), most).await?;
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
        let found = self.select(only, usize::MAX).await?;
        Ok(found.into_iter().map(|(_, letter)| letter).collect())
    }

    /// Those of these letters, up to `most`, in the order in which they were written, each with its number.
    pub(super) async fn select(
        &self,
        only: Only,
        most: usize,
    ) -> Result<Vec<(i64, DeadLetter)>, LettersError> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        self.run(move |connection| {
            // A letter and its frames are those of one moment.
            let reading = connection.transaction()?;
            only.read(&reading, most)
        })
        .await
    }

    /// The number of the letter that was written last; 0 if there is none.
    pub(super) async fn newest(&self) -> Result<i64, LettersError> {
        self.run(|connection| newest(connection)).await
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

    /// What tells the file from others.
    pub(super) fn place(&self) -> Arc<str> {
        self.database.place()
    }

    async fn run<T: Send + 'static>(
        &self,
        mut work: impl FnMut(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, LettersError> {
        let work = move |connection: &mut Connection| with_room(connection, &mut work);
        let (kind, problem) = match self.database.run(work).await {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(error)) => (kind(&error), refused(&error, self.database.busy_timeout())),
            Err(panic) => (ErrorKind::Refused, panic),
        };
        Err(LettersError {
            path: self.path().to_path_buf(),
            problem,
            kind,
        })
    }
}

impl DeadLetters for SqliteDeadLetters {
    fn name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    async fn write(&self, letters: Vec<DeadLetter>) -> Result<(), DeadLettersError> {
        let written = self
            .write_with(move |transaction| put(transaction, &letters))
            .await;
        written.map_err(|error| DeadLettersError::new(error.kind(), error))
    }
}
