//! A connection that is made again when it is gone.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{AsyncMessage, Client, Config, IsolationLevel, NoTls, Row, Transaction};

use super::error::Failed;

/// For how long an answer is waited for: then the connection is given up.
const ANSWER: Duration = Duration::from_secs(35);

/// A value with its type, so that what is asked for takes one round trip and leaves nothing on the server: that also goes
/// through a pooler that hands out a connection for each transaction.
pub(super) type Value<'a> = (&'a (dyn ToSql + Sync), Type);

/// What is told of a notification: its payload.
pub(super) type Heard = Arc<dyn Fn(&str) + Send + Sync>;

/// A way to the database: one connection at a time, made when it is first needed, and again when it is gone.
///
/// It does not try again by itself: that is done by those who asked, with pauses, by the rules that hold for every place.
pub(super) struct Line {
    config: Config,
    /// What is set in each new connection.
    setup: String,
    heard: Option<Heard>,
    /// Held while a connection is made, and by those who need it for themselves.
    live: Mutex<Option<Arc<Client>>>,
}

impl Line {
    pub(super) fn new(config: Config, setup: String, heard: Option<Heard>) -> Self {
        Self {
            config,
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
            let mut live = self.live.lock().await;
            // Not one that somebody else has made meanwhile.
            if live.as_ref().is_some_and(|live| Arc::ptr_eq(live, &client)) {
                *live = None;
            }
        }
        read(answer)
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

    async fn connected(&self, live: &mut Option<Arc<Client>>) -> Result<Arc<Client>, Failed> {
        if let Some(client) = live.as_ref().filter(|client| !client.is_closed()) {
            return Ok(Arc::clone(client));
        }
        *live = None;
        let (client, mut connection) = read(in_time(self.config.connect(NoTls)).await)?;
        let heard = self.heard.clone();
        // It ends with the last handle of its client, or with the connection.
        tokio::spawn(async move {
            while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
                if let (AsyncMessage::Notification(told), Some(heard)) = (message, &heard) {
                    heard(told.payload());
                }
            }
        });
        if !self.setup.is_empty() {
            read(in_time(client.batch_execute(&self.setup)).await)?;
        }
        Ok(Arc::clone(live.insert(Arc::new(client))))
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

/// What the server answers; it is away if that takes too long.
pub(super) async fn answered<T>(
    asking: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, Failed> {
    read(in_time(asking).await)
}

async fn in_time<T>(
    asking: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Option<Result<T, tokio_postgres::Error>> {
    timeout(ANSWER, asking).await.ok()
}

fn read<T>(answer: Option<Result<T, tokio_postgres::Error>>) -> Result<T, Failed> {
    match answer {
        Some(answer) => answer.map_err(|error| Failed::from(&error)),
        None => Err(Failed::away(format!("it has not answered for {ANSWER:?}"))),
    }
}
