//! The tables of dead letters.

use rusqlite::Transaction;

use crate::sqlite::{Schema, Unusable};

const VERSION: i64 = 2;

/// `seq` only grows: what is written while letters are replayed has a greater one. A message is known by its scope and id.
///
/// Originals and values are text where they are UTF-8, so that they can be read with any tool. Times are milliseconds
/// since 1970.
const TABLES: &str = "
    CREATE TABLE brigade_dead_letter_meta (version INTEGER NOT NULL);
    CREATE TABLE brigade_dead_letter (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        scope TEXT NOT NULL,
        id TEXT NOT NULL,
        original NOT NULL,
        stage TEXT NOT NULL,
        command TEXT NOT NULL,
        cause TEXT NOT NULL,
        attempts INTEGER NOT NULL,
        receive_count INTEGER NOT NULL,
        task TEXT NOT NULL,
        first_seen INTEGER NOT NULL,
        failed_at INTEGER NOT NULL,
        grp TEXT,
        replays INTEGER NOT NULL,
        UNIQUE (id, scope)
    );
    CREATE INDEX brigade_dead_letter_failed_at ON brigade_dead_letter (failed_at);
    CREATE TABLE brigade_dead_frame (
        letter INTEGER NOT NULL,
        place INTEGER NOT NULL,
        key TEXT NOT NULL,
        value,
        PRIMARY KEY (letter, place)
    ) WITHOUT ROWID;
";

const SCHEMA: Schema = Schema {
    what: "store of dead letters",
    meta: "brigade_dead_letter_meta",
    version: VERSION,
    tables: TABLES,
};

/// Makes the tables if there are none.
pub(super) fn prepare(transaction: &Transaction<'_>) -> Result<(), Unusable> {
    let first = "INSERT INTO brigade_dead_letter_meta VALUES (?1)";
    SCHEMA.prepare(transaction, (first, [VERSION]))
}
