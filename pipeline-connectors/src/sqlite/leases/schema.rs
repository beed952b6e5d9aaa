//! The tables of leases and ticks.

use rusqlite::Transaction;

use crate::sqlite::{Schema, Unusable};

/// `until` is milliseconds since the machine was started, and `boot` tells that start from others: clocks that are set change
/// nothing, and a machine that was started again has no holders. `last` and `tick` are nanoseconds since 1970.
const TABLES: &str = "
    CREATE TABLE brigade_lease_meta (version INTEGER NOT NULL);
    CREATE TABLE brigade_lease (
        name TEXT PRIMARY KEY,
        token INTEGER NOT NULL,
        holder TEXT NOT NULL,
        until INTEGER,
        boot TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE brigade_tick (
        schedule TEXT PRIMARY KEY,
        last INTEGER NOT NULL,
        tick INTEGER,
        token INTEGER NOT NULL,
        holder TEXT NOT NULL,
        attempts INTEGER NOT NULL,
        until INTEGER,
        boot TEXT NOT NULL
    ) WITHOUT ROWID;
";

const SCHEMA: Schema = Schema {
    what: "place of leases",
    meta: "brigade_lease_meta",
    version: 2,
    tables: TABLES,
};

/// Makes the tables if there are none.
pub(super) fn prepare(transaction: &Transaction<'_>) -> Result<(), Unusable> {
    let first = "INSERT INTO brigade_lease_meta (version) VALUES (?1)";
    SCHEMA.prepare(transaction, (first, [SCHEMA.version]))
}
