//! The table of what services are told.

use rusqlite::Transaction;

use crate::sqlite::{Schema, Unusable};

/// `number` grows with each change.
const TABLES: &str = "
    CREATE TABLE brigade_control_meta (version INTEGER NOT NULL);
    CREATE TABLE brigade_control (
        service TEXT PRIMARY KEY,
        number INTEGER NOT NULL,
        orders TEXT NOT NULL
    ) WITHOUT ROWID;
";

const SCHEMA: Schema = Schema {
    what: "place of what services are told",
    meta: "brigade_control_meta",
    version: 1,
    tables: TABLES,
};

/// Makes the tables if there are none.
pub(super) fn prepare(transaction: &Transaction<'_>) -> Result<(), Unusable> {
    let first = "INSERT INTO brigade_control_meta (version) VALUES (?1)";
    SCHEMA.prepare(transaction, (first, [SCHEMA.version]))
}
