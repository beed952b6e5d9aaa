//! A broadcast, as it is described.

use std::marker::PhantomData;

use pipeline_service::Broadcast;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::log::FileLog;
use super::schema::prepare;
use crate::sqlite::{OpenError, Sqlite};

impl Sqlite {
    /// A broadcast that is heard in all programs that open it, to be opened: events of any type that serde reads and writes.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("work.db");
    /// use pipeline_connectors::database::Sqlite;
    ///
    /// let here = Sqlite::open(&path)?.broadcast::<String>("stored").open()?;
    /// // In another program:
    /// let there = Sqlite::open(&path)?.broadcast::<String>("stored").open()?;
    /// let mut heard = there.subscribe();
    ///
    /// here.send("user 7".to_owned());
    /// assert_eq!(heard.next().await.unwrap()?, "user 7");
    /// # Ok(())
    /// # }
    /// ```
    pub fn broadcast<E>(&self, name: impl Into<String>) -> SqliteBroadcastBuilder<E> {
        SqliteBroadcastBuilder {
            file: self.clone(),
            name: name.into(),
            capacity: 1_024,
            keep: 10_000,
            events: PhantomData,
        }
    }
}

/// Describes a broadcast in a file; [`Sqlite::broadcast`] begins it.
#[derive(Debug, Clone)]
#[must_use = "nothing is opened before `open`"]
pub struct SqliteBroadcastBuilder<E> {
    file: Sqlite,
    name: String,
    capacity: usize,
    keep: u64,
    events: PhantomData<fn(E)>,
}

impl<E> SqliteBroadcastBuilder<E> {
    /// How many events may wait in this program to be written, and so many for those here who are behind. The default is
    /// 1,024.
    pub fn capacity(mut self, events: usize) -> Self {
        self.capacity = events;
        self
    }

    /// How many events are kept in the file, the last ones, for programs that are behind; at least one. Each program that sends drops what is
    /// more than that. The default is 10,000.
    pub fn keep(mut self, events: u64) -> Self {
        self.keep = events.max(1);
        self
    }
}

impl<E: Clone + Serialize + DeserializeOwned + Send + 'static> SqliteBroadcastBuilder<E> {
    /// Opens it, and makes it first if there is none. [`Broadcast::over`] says how it behaves; the file is read ten times a
    /// second. What is written stays written when the program crashes; a power failure may undo the last events, and their
    /// numbers are given again then.
    ///
    /// Blocks, for the busy timeout at most.
    ///
    /// # Errors
    ///
    /// Those of [`SqliteBuilder::open`](crate::database::SqliteBuilder::open); and if the file holds broadcasts of another version.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, in which it reads and writes; and with a capacity of 0.
    pub fn open(self) -> Result<Broadcast<E>, OpenError> {
        let Self {
            file,
            name,
            capacity,
            keep,
            ..
        } = self;
        let file = file.file().clone();
        let (connection, last) = file.open_with(|transaction| prepare(transaction, &name))?;
        let place = format!("{} ({name})", file.name());
        let log = FileLog {
            file: file.share(connection)?,
            broadcast: name.into(),
            place: place.into(),
            keep,
        };
        Ok(Broadcast::over(log, last, capacity))
    }
}
