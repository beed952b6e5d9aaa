//! What the tests share.

use std::time::{Duration, Instant};

use pipeline_connectors::database::Postgres;
use pipeline_connectors::queue::{PostgresQueue, QueueBody};
use pipeline_runtime::queue::{Ask, Outgoing, Queue as _, Receipt, Received, Unsettled};
use test_servers::Cluster;
use tokio_postgres::{Client, NoTls};

/// The lease of the queues here.
pub(crate) const LEASE: Duration = Duration::from_secs(3);

/// What does not happen within this time does not happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) async fn database(server: &Cluster) -> Postgres {
    Postgres::connect(server.url("postgres")).await.unwrap()
}

/// A name that no other test uses.
pub(crate) fn name() -> String {
    format!("test {:016x}", fastrand::u64(..))
}

pub(crate) async fn open<B: QueueBody>(db: &Postgres, name: &str) -> PostgresQueue<B> {
    db.queue(name).lease(LEASE).open().await.unwrap()
}

/// Two handles of a new queue, of two databases.
pub(crate) async fn pair<B: QueueBody>(
    one: &Postgres,
    other: &Postgres,
) -> (PostgresQueue<B>, PostgresQueue<B>) {
    let name = name();
    (open(one, &name).await, open(other, &name).await)
}

/// The server as anybody sees it.
pub(crate) async fn client(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// A database of its own, of that encoding.
pub(crate) async fn new_database(server: &Cluster, encoding: &str) -> String {
    let name = format!("test_{:016x}", fastrand::u64(..));
    let make = format!("CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0");
    let client = client(&server.url("postgres")).await;
    client.batch_execute(&make).await.unwrap();
    name
}

pub(crate) fn message(text: &str) -> Outgoing<String> {
    Outgoing::new(text.to_owned())
}

pub(crate) async fn put(queue: &PostgresQueue, messages: Vec<Outgoing<String>>) {
    let unsent = queue.send(messages).await.unwrap();
    assert!(unsent.is_empty(), "{unsent:?}");
}

pub(crate) async fn receive(queue: &PostgresQueue, wait: Duration) -> Vec<Received<String>> {
    queue.receive(Ask::new(10, wait)).await.unwrap()
}

pub(crate) fn receipts(received: &[Received<String>]) -> Vec<Receipt> {
    let receipts = received.iter().map(|message| message.receipt.clone());
    receipts.collect()
}

pub(crate) fn texts(received: &[Received<String>]) -> Vec<&str> {
    received.iter().map(|message| &*message.body).collect()
}

pub(crate) fn indexes(unsettled: &[Unsettled]) -> Vec<usize> {
    unsettled.iter().map(Unsettled::index).collect()
}

/// Waits until it holds.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < deadline, "it does not happen that {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A table, or a queue and a table, that no other test uses, and the server as anybody sees it.
pub(crate) struct Place {
    pub(crate) name: String,
    pub(crate) db: Postgres,
    pub(crate) client: Client,
}

impl Place {
    pub(crate) async fn new(name: String) -> Option<Self> {
        let server = test_servers::postgres()?;
        Some(Self::of(server, name).await)
    }

    pub(crate) async fn of(server: &Cluster, name: String) -> Self {
        Self {
            name,
            db: database(server).await,
            client: client(&server.url("postgres")).await,
        }
    }
}
