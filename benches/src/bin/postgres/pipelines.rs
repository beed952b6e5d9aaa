//! The same as pipelines.

use std::time::Duration;

use brigade::database::Postgres;
use brigade::prelude::*;
use brigade::queue::PostgresQueue;
use brigade::sink::PostgresTable;

use crate::AT_ONCE;

/// Puts messages there: the only queue is the first, and they are ready.
pub(crate) const FILL: &str = "INSERT INTO brigade.queue (queue, state, body) SELECT min(queue), 0, n::text FROM brigade.queue_name, generate_series(1, {}) AS n GROUP BY n ORDER BY n";

async fn open(server: &str) -> (Postgres, PostgresQueue, PostgresTable) {
    let db = Postgres::connect(server).await.expect("a server");
    let queue = db.queue("jobs").open().await.expect("a queue");
    let table = db.table("rows").column("number", "bigint NOT NULL");
    let table = table.open().await.expect("a table");
    (db, queue, table)
}

/// Makes the tables.
pub(crate) async fn make(server: &str) {
    let (db, ..) = open(server).await;
    db.journal().open().await.expect("a journal");
}

/// The commit of the rows is the acknowledgement; nothing is recorded.
pub(crate) async fn settle(server: &str) {
    let (_, queue, table) = open(server).await;
    let rows = queue.settling(&table).expect("they are of one database");
    let running = pipeline! {
        [queue.deliveries().prefetch(AT_ONCE * 4)]
        map(|message| message.parse::<i64>().map(|number| (number,)))?,
        batch(AT_ONCE, Duration::from_millis(5)),
        :drive rows,
    };
    running.run().await.expect("nothing fails");
}

/// Rows complete tasks, and the acknowledgement comes afterwards: as with queues that are somewhere else.
pub(crate) async fn complete(server: &str) {
    let (db, queue, table) = open(server).await;
    let journal = db.journal().open().await.expect("a journal");
    let rows = journal
        .completing(&table)
        .expect("they are of one database");
    let running = pipeline! {
        [queue.deliveries().prefetch(AT_ONCE * 4)]
        journal = journal;
        push_task(message),
        let number = message.parse::<i64>()?,
        map(|m| (m.number,)),
        batch(AT_ONCE, Duration::from_millis(5)),
        :drive rows,
    };
    running.run().await.expect("nothing fails");
}
