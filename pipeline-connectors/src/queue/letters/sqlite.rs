//! Dead letters in a SQLite file.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pipeline_runtime::ErrorKind;
use pipeline_runtime::queue::{DeadFrame, DeadLetter, DeadLetters, DeadLettersError};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, Row, ToSql, Transaction, TransactionBehavior};

use super::schema::prepare;
use crate::sqlite::{Database, OpenError, Sqlite, Synchronous, kind, refused, sqlite, with_room};

/// Keeps dead letters in a SQLite file, which may be that of the queue or of the journal. Its tables begin with
/// `brigade_dead_`. Clones are the same store.
///
/// Several processes may open it at the same time. What the file may be called, and what room it needs, is that of
/// [a database of tables](crate::sqlite()#room-on-the-disk).
///
/// What is written is on the disk before [`write`](DeadLetters::write) returns. A letter of a message that has one
/// already takes its place.
///
/// # Examples
///
/// Letters are replayed in three steps, any of which may be done again:
///
/// ```
/// # use pipeline_runtime::journal::Journal;
/// use pipeline_connectors::queue::SqliteDeadLetters;
/// use pipeline_runtime::queue::{Queue, replay, restore};
///
/// async fn replay_all(
///     store: &SqliteDeadLetters,
///     queue: &impl Queue,
///     journal: &impl Journal,
/// ) -> Result<(), Box<dyn std::error::Error>> {
///     loop {
///         let letters = store.oldest(100).await?;
///         if letters.is_empty() {
///             return Ok(());
///         }
///         restore(&letters, journal).await?;
///         if let Some(unsent) = replay(&letters, queue).await?.into_iter().next() {
///             return Err(unsent.into_error().into());
///         }
///         store.remove_replayed(&letters).await?;
///     }
/// }
/// ```
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

    /// The letters that were written first, up to `most`.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub async fn oldest(&self, most: usize) -> Result<Vec<DeadLetter>, LettersError> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let oldest = format!("SELECT {COLUMNS} ORDER BY failed_at, id LIMIT ?");
        self.run(move |connection| {
            let reading = connection.transaction()?;
            let mut select = reading.prepare_cached(&oldest)?;
            let letters = select.query_map([most], letter)?;
            let letters = letters.collect::<rusqlite::Result<Vec<_>>>()?;
            letters
                .into_iter()
                .map(|letter| with_frames(&reading, letter))
                .collect()
        })
        .await
    }

    /// The letter of a message.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub async fn get(&self, id: &str) -> Result<Option<DeadLetter>, LettersError> {
        let id = id.to_owned();
        self.run(move |connection| {
            let one = format!("SELECT {COLUMNS} WHERE id = ?");
            // A letter and its frames are those of one moment.
            let reading = connection.transaction()?;
            let found = reading
                .prepare_cached(&one)?
                .query_row([&id], letter)
                .optional()?;
            found
                .map(|letter| with_frames(&reading, letter))
                .transpose()
        })
        .await
    }

    /// Removes the letters of these messages, whichever they have by now. Returns how many there were.
    ///
    /// # Errors
    ///
    /// If the file cannot be written; then none is removed.
    pub async fn remove(
        &self,
        ids: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<usize, LettersError> {
        let letters = ids.into_iter().map(|id| (id.into(), None)).collect();
        self.remove_all(letters).await
    }

    /// Removes letters that were replayed, and no newer letter of their messages: one that was replayed may have failed
    /// again meanwhile. Returns how many were removed.
    ///
    /// # Errors
    ///
    /// If the file cannot be written; then none is removed.
    pub async fn remove_replayed(&self, letters: &[DeadLetter]) -> Result<usize, LettersError> {
        let letters = letters
            .iter()
            .map(|letter| (letter.id.clone(), Some(millis(letter.failed_at))))
            .collect();
        self.remove_all(letters).await
    }

    async fn remove_all(&self, letters: Vec<(String, Option<i64>)>) -> Result<usize, LettersError> {
        self.run(move |connection| {
            let transaction = writing(connection)?;
            let mut removed = 0;
            for (id, failed_at) in &letters {
                removed += remove(&transaction, id, *failed_at)?;
            }
            transaction.commit()?;
            Ok(removed)
        })
        .await
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
        let written = self.run(move |connection| {
            let transaction = writing(connection)?;
            for letter in &letters {
                remove(&transaction, &letter.id, None)?;
                insert(&transaction, letter)?;
            }
            transaction.commit()
        });
        let written = written.await;
        written.map_err(|error| DeadLettersError::new(error.kind(), error))
    }
}

const COLUMNS: &str =
    "id, original, stage, command, cause, attempts, receive_count, task, first_seen, failed_at, scope
    FROM brigade_dead_letter";

/// A transaction that has the lock from the start: one that began with reading and is overtaken would fail at once, without
/// waiting for its turn.
fn writing(connection: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate)
}

fn insert(connection: &Connection, letter: &DeadLetter) -> rusqlite::Result<()> {
    let insert = "INSERT INTO brigade_dead_letter VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    connection.prepare_cached(insert)?.execute((
        &letter.id,
        readable(&letter.original),
        &letter.stage,
        &letter.command,
        &letter.cause,
        letter.attempts,
        letter.receive_count,
        &letter.task,
        millis(letter.first_seen),
        millis(letter.failed_at),
        &letter.scope,
    ))?;
    let insert = "INSERT INTO brigade_dead_frame VALUES (?, ?, ?, ?)";
    let mut insert = connection.prepare_cached(insert)?;
    for (place, frame) in letter.frames.iter().enumerate() {
        let value = frame.value.as_deref().map(readable);
        insert.execute((&letter.id, place, &frame.key, value))?;
    }
    Ok(())
}

/// Removes the letter of a message, if it is of that time.
fn remove(connection: &Connection, id: &str, failed_at: Option<i64>) -> rusqlite::Result<usize> {
    let letter =
        "DELETE FROM brigade_dead_letter WHERE id = ?1 AND failed_at = ifnull(?2, failed_at)";
    let removed = connection
        .prepare_cached(letter)?
        .execute((id, failed_at))?;
    if removed > 0 {
        let frames = "DELETE FROM brigade_dead_frame WHERE id = ?";
        connection.prepare_cached(frames)?.execute([id])?;
    }
    Ok(removed)
}

fn letter(row: &Row<'_>) -> rusqlite::Result<DeadLetter> {
    let mut letter = DeadLetter::new(row.get::<_, String>(0)?, bytes(row.get_ref(1)?));
    letter.stage = row.get(2)?;
    letter.command = row.get(3)?;
    letter.cause = row.get(4)?;
    letter.attempts = row.get(5)?;
    letter.receive_count = row.get(6)?;
    letter.task = row.get(7)?;
    letter.first_seen = time(row.get(8)?);
    letter.failed_at = time(row.get(9)?);
    letter.scope = row.get(10)?;
    Ok(letter)
}

fn with_frames(connection: &Connection, mut letter: DeadLetter) -> rusqlite::Result<DeadLetter> {
    let frames = "SELECT key, value FROM brigade_dead_frame WHERE id = ? ORDER BY place";
    let mut frames = connection.prepare_cached(frames)?;
    let frames = frames.query_map([&letter.id], |row| {
        let value = row.get_ref(1)?;
        let is_null = matches!(value, ValueRef::Null);
        Ok(DeadFrame {
            key: row.get(0)?,
            value: (!is_null).then(|| bytes(value)),
        })
    })?;
    letter.frames = frames.collect::<rusqlite::Result<_>>()?;
    Ok(letter)
}

fn readable(bytes: &[u8]) -> impl ToSql + use<'_> {
    let value = match std::str::from_utf8(bytes) {
        Ok(_) => ValueRef::Text(bytes),
        Err(_) => ValueRef::Blob(bytes),
    };
    rusqlite::types::ToSqlOutput::Borrowed(value)
}

fn bytes(value: ValueRef<'_>) -> Vec<u8> {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.to_vec(),
        _ => Vec::new(),
    }
}

fn millis(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn time(millis: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(millis.unsigned_abs())
}
