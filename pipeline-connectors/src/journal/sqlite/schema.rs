//! The journal's tables.

use rusqlite::{Connection, TransactionBehavior};

/// The version of the tables that this program knows.
pub(super) const VERSION: i64 = 1;

/// `seq` is the order of writing: what is old is found at its start. A task is completed when a sink has written its rows
/// in the same transaction, and finished when it will not come again, as far as its queue knows.
const TABLES: &str = "
    CREATE TABLE brigade_journal (version INTEGER NOT NULL);
    CREATE TABLE brigade_frames (
        seq INTEGER PRIMARY KEY,
        task TEXT NOT NULL,
        key TEXT NOT NULL,
        value BLOB NOT NULL,
        at INTEGER NOT NULL,
        UNIQUE (task, key)
    );
    CREATE TABLE brigade_completed (
        seq INTEGER PRIMARY KEY,
        task TEXT NOT NULL UNIQUE,
        at INTEGER NOT NULL
    );
    CREATE TABLE brigade_finished (
        seq INTEGER PRIMARY KEY,
        task TEXT NOT NULL UNIQUE,
        at INTEGER NOT NULL
    );
";

/// Makes the tables if there are none. The version of those that are there.
pub(super) fn prepare(connection: &mut Connection) -> rusqlite::Result<i64> {
    // Immediate: of several processes that begin at the same time one makes the tables.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if !transaction.table_exists(None, "brigade_journal")? {
        transaction.execute_batch(TABLES)?;
        transaction.execute("INSERT INTO brigade_journal VALUES (?1)", [VERSION])?;
    }
    let version = transaction.query_row("SELECT max(version) FROM brigade_journal", [], |row| {
        row.get::<_, Option<i64>>(0)
    })?;
    transaction.commit()?;
    Ok(version.unwrap_or_default())
}
