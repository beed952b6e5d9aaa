//! A broadcast, as it is described.

use std::marker::PhantomData;

use pipeline_runtime::private::held;
use pipeline_service::Broadcast;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::log::ServerLog;
use crate::postgres::error::{ConnectError, Refused};
use crate::postgres::handle::Postgres;

impl Postgres {
    /// A broadcast that is heard in all programs that open it, on any machine, to be opened: events of any type that serde reads
    /// and writes.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # use pipeline_connectors as brigade;
    /// use brigade::database::Postgres;
    ///
    /// let db = Postgres::connect("postgres://app:secret@db.example/work").await?;
    /// let stored = db.broadcast::<String>("stored").open().await?;
    /// stored.send("user 7".to_owned());
    /// # Ok(())
    /// # }
    /// ```
    pub fn broadcast<E>(&self, name: impl Into<String>) -> PostgresBroadcastBuilder<E> {
        PostgresBroadcastBuilder {
            db: self.clone(),
            name: name.into(),
            capacity: 1_024,
            keep: 10_000,
            events: PhantomData,
        }
    }
}

/// Describes a broadcast in a database; [`Postgres::broadcast`] begins it.
#[derive(Debug, Clone)]
#[must_use = "nothing is opened before `open`"]
pub struct PostgresBroadcastBuilder<E> {
    db: Postgres,
    name: String,
    capacity: usize,
    keep: u64,
    events: PhantomData<fn(E)>,
}

impl<E> PostgresBroadcastBuilder<E> {
    /// How many events may wait in this program to be written, and so many for those here who are behind. The default is
    /// 1,024.
    pub fn capacity(mut self, events: usize) -> Self {
        self.capacity = events;
        self
    }

    /// How many events are kept in the database, the last ones, for programs that are behind; at least one. Each program that
    /// sends drops what is more than that. The default is 10,000.
    pub fn keep(mut self, events: u64) -> Self {
        self.keep = events.max(1);
        self
    }
}

impl<E: Clone + Serialize + DeserializeOwned + Send + 'static> PostgresBroadcastBuilder<E> {
    /// Opens it, and makes the tables first if there are none. A server that does not answer is waited for, for
    /// [`connect_within`](crate::database::PostgresBuilder::connect_within). [`Broadcast::over`] says how it behaves; who
    /// listens is notified, and looks once a second besides, since notifications may be lost: so each broadcast that is open is
    /// one query a second where nothing happens.
    ///
    /// # Errors
    ///
    /// If the server does not answer in time; if the user may not make the tables, or use those that are there; if the
    /// tables are of another major version.
    ///
    /// # Panics
    ///
    /// With a capacity of 0.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn open(self) -> Result<Broadcast<E>, ConnectError> {
        let Self {
            db,
            name,
            capacity,
            keep,
            ..
        } = self;
        db.home_in_time().await?;
        let patience = db.patience();
        let mut asking = patience.asking();
        let (number, last) = loop {
            match held("the broadcast", ServerLog::find(&db, &name)).await {
                Ok(found) => break found,
                Err(failed) => db.pause(&mut asking, Refused::Failed(failed)).await?,
            }
        };
        asking.answered();
        let place = format!("PostgreSQL at {} (broadcast {name})", db.place());
        let log = ServerLog::new(db, number, name, place.into(), keep);
        Ok(Broadcast::over(log, last, capacity))
    }
}
