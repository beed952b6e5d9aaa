//! The journal's tables.

use rusqlite::Transaction;

use super::age::{Uptime, now};
use crate::sqlite::{Schema, Unusable};

/// The version of the tables that this program knows.
const VERSION: i64 = 2;

/// A task has a row from its beginning on until it is forgotten, under the epoch of the delivery that has it: epochs grow,
/// and none is given twice in one file. What is written under an epoch that no row has is refused.
///
/// `state` is 0 while the task is under way, 1 when a sink has written its rows in the same transaction, and 2 when its
/// message is acknowledged. `at` is when it came to that, in milliseconds since 1970. `looked` is when it was last looked
/// for what is too old, and `up` for how long the machine had been up then, since that `boot`.
const TABLES: &str = "
    CREATE TABLE brigade_journal (
        version INTEGER NOT NULL,
        epoch INTEGER NOT NULL,
        looked INTEGER NOT NULL,
        boot TEXT,
        up INTEGER
    );
    CREATE TABLE brigade_tasks (
        epoch INTEGER PRIMARY KEY,
        scope TEXT NOT NULL,
        task TEXT NOT NULL,
        message TEXT,
        state INTEGER NOT NULL,
        at INTEGER NOT NULL,
        UNIQUE (task, scope)
    );
    CREATE INDEX brigade_tasks_done ON brigade_tasks (at) WHERE state = 2;
    CREATE TABLE brigade_frames (
        seq INTEGER PRIMARY KEY,
        scope TEXT NOT NULL,
        task TEXT NOT NULL,
        key TEXT NOT NULL,
        value BLOB NOT NULL,
        UNIQUE (task, scope, key)
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
    let first = "INSERT INTO brigade_journal VALUES (?1, 0, ?2, ?3, ?4)";
    let uptime = Uptime::now();
    let boot = uptime.as_ref().map(|uptime| uptime.boot.clone());
    let up = uptime.map(|uptime| uptime.millis);
    SCHEMA.prepare(transaction, (first, (VERSION, now(), boot, up)))
}
