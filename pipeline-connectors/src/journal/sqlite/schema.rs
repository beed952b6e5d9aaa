//! The journal's tables.

use rusqlite::Transaction;

use crate::sqlite::{Schema, Unusable};

/// The version of the tables that this program knows.
const VERSION: i64 = 1;

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

const SCHEMA: Schema = Schema {
    what: "journal",
    meta: "brigade_journal",
    version: VERSION,
    tables: TABLES,
};

/// Makes the tables if there are none.
pub(super) fn prepare(transaction: &Transaction<'_>) -> Result<(), Unusable> {
    let first = "INSERT INTO brigade_journal VALUES (?1)";
    SCHEMA.prepare(transaction, (first, [VERSION]))
}
