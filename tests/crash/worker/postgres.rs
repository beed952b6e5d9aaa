//! A worker all of whose places are on one server.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use brigade::database::Postgres;
use brigade::queue::PostgresQueue;
use brigade::sink::PostgresTable;
use tokio_postgres::Config;

use super::job::work as rows_of;
use super::send;
use crate::notes::Notes;
use crate::places::Places;

const WORKER: &str = "worker ";

/// A worker that starts while its host is cut off waits until it is not.
const CUT_OFF: Duration = Duration::from_secs(600);

pub(super) async fn work(directory: &Path, places: Places, notes: Arc<Notes>) -> String {
    let db = database(directory, places).await;
    let (queue, table) = (jobs(&db, places).await, table(&db).await);
    let letters = db.letters().open().await.unwrap();
    if places == Places::PostgresCompleting {
        let journal = db.journal().open().await.unwrap();
        let rows = journal.completing(&table).unwrap();
        return rows_of(queue, journal, letters, notes, rows).await;
    }
    // Of a message that is settled nothing has to be known.
    let journal = db.journal().keep_done(Duration::ZERO, 0);
    let journal = journal.open().await.unwrap();
    let rows = queue.settling(&table).unwrap();
    rows_of(queue, journal, letters, notes, rows).await
}

/// It is known by the process that is connected to it.
pub(crate) fn name(process: u32) -> String {
    format!("{WORKER}{process}")
}

/// The process that has this name.
pub(crate) fn process(name: &str) -> &str {
    name.strip_prefix(WORKER).unwrap_or(name)
}

async fn database(directory: &Path, places: Places) -> Postgres {
    let [server, ..] = places.files(directory);
    let server = std::fs::read_to_string(server).unwrap();
    let mut config: Config = server.parse().unwrap();
    config.application_name(name(std::process::id()));
    let database = Postgres::at(config).connect_within(CUT_OFF);
    database.connect().await.unwrap()
}

async fn jobs(db: &Postgres, places: Places) -> PostgresQueue {
    let queue = db.queue("jobs").lease(places.lease());
    queue.open().await.unwrap()
}

async fn table(db: &Postgres) -> PostgresTable {
    let table = db.table("rows").column("number", "bigint NOT NULL");
    // No key: a row that is written twice is there twice.
    table.open().await.unwrap()
}

pub(super) async fn prepare(directory: &Path, places: Places, messages: u32) {
    let db = database(directory, places).await;
    send(&jobs(&db, places).await, places, messages).await;
}
