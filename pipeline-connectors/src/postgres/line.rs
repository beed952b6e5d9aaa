//! A connection that is made again when it is gone.

use std::sync::Arc;
#[cfg(feature = "service")]
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};
#[cfg(feature = "service")]
use tokio::time::timeout;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, IsolationLevel, Row, Transaction};

use super::access::{Access, Heard};
#[cfg(feature = "service")]
use super::answer::{ANSWER, silent};
use super::answer::{answered, in_time, read};
use super::error::Failed;

/// A value with its type, so that what is asked for takes one round trip and leaves nothing on the server: that also goes
/// through a pooler that hands out a connection for each transaction.
pub(super) type Value<'a> = (&'a (dyn ToSql + Sync), Type);

/// A way to the database: one connection at a time, made when it is first needed, and again when it is gone.
///
/// It does not try again by itself: that is done by those who asked, with pauses, by the rules that hold for every place.
pub(super) struct Line {
    access: Arc<Access>,
    /// What is set in each new connection.
    setup: String,
    heard: Option<Heard>,
    /// Held while a connection is made, and by those who need it for themselves.
    live: Mutex<Option<Arc<Client>>>,
}

impl Line {
    pub(super) fn new(access: Arc<Access>, setup: String, heard: Option<Heard>) -> Self {
        Self {
            access,
            setup,
            heard,
            live: Mutex::new(None),
        }
    }

    /// Asks, beside others who ask.
    pub(super) async fn query(&self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>, Failed> {
        let client = {
            let mut live = self.live.lock().await;
            self.connected(&mut live).await?
        };
        let answer = in_time(client.query_typed(sql, values)).await;
        if answer.is_none() {
            self.give_up(&client).await;
        }
        read(answer)
    }

    /// The same, where an answer is of no use after that time, which counts from when there is a connection.
    #[cfg(feature = "service")]
    pub(super) async fn query_within(
        &self,
        time: Duration,
        sql: &str,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, Failed> {
        let client = {
            let mut live = self.live.lock().await;
            self.connected(&mut live).await?
        };
        let time = time.min(ANSWER);
        if let Ok(answer) = timeout(time, client.query_typed(sql, values)).await {
            return read(Some(answer));
        }
        self.give_up(&client).await;
        Err(silent(time))
    }

    async fn give_up(&self, client: &Arc<Client>) {
        let mut live = self.live.lock().await;
        // Not one that somebody else has made meanwhile.
        if live.as_ref().is_some_and(|live| Arc::ptr_eq(live, client)) {
            *live = None;
        }
    }

    /// Asks while nobody else does.
    pub(super) async fn query_alone(
        &self,
        sql: &str,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, Failed> {
        let mut alone = self.alone().await?;
        let answer = in_time(alone.client()?.query_typed(sql, values)).await;
        if answer.is_none() {
            alone.hang_up();
        }
        read(answer)
    }

    /// The connection, for who asks several things that nobody else's may come between.
    pub(super) async fn alone(&self) -> Result<Alone<'_>, Failed> {
        let mut live = self.live.lock().await;
        self.connected(&mut live).await?;
        Ok(Alone(live))
    }

    /// A connection like it, for who keeps one for longer.
    pub(super) async fn apart(&self) -> Result<Client, Failed> {
        self.connect(None).await
    }

    async fn connected(&self, live: &mut Option<Arc<Client>>) -> Result<Arc<Client>, Failed> {
        if let Some(client) = live.as_ref().filter(|client| !client.is_closed()) {
            return Ok(Arc::clone(client));
        }
        *live = None;
        let client = self.connect(self.heard.clone()).await?;
        Ok(Arc::clone(live.insert(Arc::new(client))))
    }

    async fn connect(&self, heard: Option<Heard>) -> Result<Client, Failed> {
        // It is large, and made seldom.
        let client = Box::pin(self.access.connect(heard)).await?;
        if !self.setup.is_empty() {
            read(in_time(client.batch_execute(&self.setup)).await)?;
        }
        Ok(client)
    }
}

/// A connection that nobody else uses.
pub(super) struct Alone<'a>(MutexGuard<'a, Option<Arc<Client>>>);

impl Alone<'_> {
    pub(super) fn client(&mut self) -> Result<&mut Client, Failed> {
        let client = self.0.as_mut().and_then(Arc::get_mut);
        client.ok_or_else(|| Failed::away("the connection is used by another"))
    }

    /// Begins a transaction, in which each statement sees what is committed by then. It is rolled back if it is dropped.
    pub(super) async fn transaction(&mut self) -> Result<Transaction<'_>, Failed> {
        let transaction = self
            .client()?
            .build_transaction()
            .isolation_level(IsolationLevel::ReadCommitted);
        answered(transaction.start()).await
    }

    pub(super) fn hang_up(&mut self) {
        *self.0 = None;
    }
}
