//! Which queue, and how it is opened.

use std::marker::PhantomData;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pipeline_runtime::private::held;
use pipeline_runtime::queue::Profile;
use tokio_postgres::types::Type;

use super::handle::PostgresQueue;
use super::known::{Known, LONGEST_NAME, place};
use crate::body::QueueBody;
use crate::postgres::error::{ConnectError, ConnectErrorKind, Refused};
use crate::postgres::handle::Postgres;
use crate::postgres::line::Value;

/// The lease, where nothing else is said.
const LEASE: Duration = Duration::from_secs(30);
/// The most messages of one receive, where nothing else is said.
const RECEIVES: usize = 512;
/// Entries that are settled at once.
const SETTLES: usize = 1024;

impl Postgres {
    /// The queue of this name in the database, to be described and opened.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::{Duration, Instant};
    ///
    /// use pipeline_connectors::database::Postgres;
    /// use pipeline_connectors::queue::PostgresQueue;
    /// use pipeline_runtime::queue::{Ask, Outgoing, Queue};
    ///
    /// let db = Postgres::connect("host=/run/postgresql user=app dbname=work").await?;
    /// let reports: PostgresQueue = db.queue("reports").lease(Duration::from_secs(60)).open().await?;
    /// reports.send(vec![Outgoing::new("one".into()).id("report 1")]).await?;
    ///
    /// let received = reports.receive(Ask::new(10, Duration::from_secs(1))).await?;
    /// assert_eq!((&*received[0].id, &*received[0].body), ("report 1", "one"));
    /// reports.ack(vec![received[0].receipt.clone()]).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn queue<B: QueueBody>(&self, name: impl Into<String>) -> PostgresQueueBuilder<B> {
        PostgresQueueBuilder {
            db: self.clone(),
            name: name.into(),
            lease: LEASE,
            receives: RECEIVES,
            bodies: PhantomData,
        }
    }
}

/// Describes a queue; [`Postgres::queue`] begins it.
#[derive(Debug, Clone)]
#[must_use = "nothing is opened before `open`"]
pub struct PostgresQueueBuilder<B = String> {
    db: Postgres,
    name: String,
    lease: Duration,
    receives: usize,
    bodies: PhantomData<fn() -> B>,
}

impl<B: QueueBody> PostgresQueueBuilder<B> {
    /// For how long a received message is hidden from others, unless that is extended. The default is 30 seconds.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// The most messages that one receive brings, at least 1. The default is 512.
    pub fn receives(mut self, most: usize) -> Self {
        self.receives = most.max(1);
        self
    }

    /// Opens it, and makes it first if there is none, and the tables if there are none. `B` is `String` or `Vec<u8>`, for
    /// all who use the queue alike. A server that does not answer is waited for, for
    /// [`connect_within`](crate::database::PostgresBuilder::connect_within).
    ///
    /// # Errors
    ///
    /// If the server does not answer in time; if the user may not make the tables, or use those that are there; if the
    /// tables are of another major version; if the queue has other bodies; if the name is longer than 1,024 bytes, or has
    /// a NUL in it.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn open(self) -> Result<PostgresQueue<B>, ConnectError> {
        if self.name.len() > LONGEST_NAME || self.name.contains('\0') {
            let problem = "the name of a queue has up to 1,024 bytes, and no NUL";
            return Err(self.db.refused(ConnectErrorKind::Other(problem.into())));
        }
        let patience = self.db.patience();
        let mut asking = patience.asking();
        loop {
            match held("the queue", self.find()).await {
                Ok((queue, home)) => {
                    asking.answered();
                    return Ok(self.opened(queue, &home));
                }
                Err(refused) => self.db.pause(&mut asking, refused).await?,
            }
        }
    }

    /// Its number, and what tells the tables that it is in.
    async fn find(&self) -> Result<(i32, Arc<str>), Refused> {
        let home = self.db.home().await?;
        let schema = self.db.schema();
        let find = format!("SELECT queue, bodies FROM {schema}.queue_name WHERE name = $1");
        let make = format!(
            "INSERT INTO {schema}.queue_name (name, bodies) VALUES ($1, $2) ON CONFLICT DO NOTHING"
        );
        let values: [Value<'_>; 2] = [(&self.name, Type::TEXT), (&B::KIND, Type::TEXT)];
        let line = self.db.transacting();
        let mut rows = line.query_alone(&find, &values[..1]).await?;
        if rows.is_empty() {
            line.query_alone(&make, &values).await?;
            rows = line.query_alone(&find, &values[..1]).await?;
        }
        let gone = || Refused::Because(ConnectErrorKind::Other("its queue is gone again".into()));
        let row = rows.first().ok_or_else(gone)?;
        let holds: String = row.try_get(1)?;
        if holds != B::KIND {
            return Err(Refused::Because(ConnectErrorKind::Bodies(holds)));
        }
        Ok((row.try_get(0)?, home))
    }

    fn opened(self, queue: i32, home: &str) -> PostgresQueue<B> {
        let bell = self.db.watch().bells.of(queue);
        PostgresQueue(Arc::new(Known {
            queue,
            name: format!("postgres:{}/{}", self.db.database(), self.name).into(),
            place: place(home, &self.name).into(),
            home: home.to_owned(),
            profile: Profile::new(self.lease, self.receives, SETTLES).kinds(),
            bell,
            swept: Mutex::new(None),
            bodies: PhantomData,
            db: self.db,
        }))
    }
}
