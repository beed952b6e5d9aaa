//! What the tests share.

use std::time::Duration;

use pipeline_connectors::database::Postgres;
use pipeline_connectors::queue::{PostgresQueue, QueueBody};
use test_servers::Cluster;

/// The lease of the queues here.
pub(crate) const LEASE: Duration = Duration::from_secs(2);

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
