//! The tables of broadcasts.

use rusqlite::Transaction;

use crate::sqlite::{Schema, Unusable};

/// `last` is the number that was given last, and `seq` that of an event: numbers that no event has are of those that were lost,
/// or dropped with age.
const TABLES: &str = "
    CREATE TABLE brigade_broadcast_meta (version INTEGER NOT NULL);
    CREATE TABLE brigade_broadcast (
        name TEXT PRIMARY KEY,
        last INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE brigade_event (
        broadcast TEXT NOT NULL,
        seq INTEGER NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (broadcast, seq)
    ) WITHOUT ROWID;
";

const SCHEMA: Schema = Schema {
    what: "place of broadcasts",
    meta: "brigade_broadcast_meta",
    version: 1,
    tables: TABLES,
};

/// Makes the tables if there are none, and the broadcast; the last number of it.
pub(super) fn prepare(transaction: &Transaction<'_>, name: &str) -> Result<u64, Unusable> {
    let first = "INSERT INTO brigade_broadcast_meta (version) VALUES (?1)";
    SCHEMA.prepare(transaction, (first, [SCHEMA.version]))?;
    let make = "INSERT INTO brigade_broadcast (name, last) VALUES (?1, 0) ON CONFLICT DO NOTHING";
    transaction.execute(make, [name])?;
    let last = "SELECT last FROM brigade_broadcast WHERE name = ?1";
    Ok(transaction.query_row(last, [name], |row| row.get(0))?)
}
