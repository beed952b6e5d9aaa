//! The tables of dead letters.

use rusqlite::{Connection, Transaction};

use crate::sqlite::{Schema, Unusable};

const VERSION: i64 = 5;

/// `seq` is the time of writing in microseconds since 1970, or one more than the greatest that is there. So it only
/// grows, whatever was removed: what is written while letters are replayed has a greater one, and no letter has the number
/// of one that was sent and is still to be removed. A message is known by its scope and id.
///
/// `frames` are the keys, as JSON; a value is the recorded one of the key at that place. Originals and values are text
/// where they are UTF-8, so that they can be read with any tool. Times are milliseconds since 1970.
///
/// Who looks through the letters reads all of them: they are written more often than that, and an index for it makes each
/// dearer.
const TABLES: &str = "
    CREATE TABLE brigade_dead_letter_meta (version INTEGER NOT NULL);
    CREATE TABLE brigade_dead_letter (
        seq INTEGER PRIMARY KEY,
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
        priority INTEGER NOT NULL,
        attributes TEXT,
        frames TEXT NOT NULL,
        UNIQUE (id, scope)
    );
    CREATE TABLE brigade_dead_value (
        letter INTEGER NOT NULL,
        place INTEGER NOT NULL,
        value NOT NULL,
        PRIMARY KEY (letter, place)
    ) WITHOUT ROWID;
";

const SCHEMA: Schema = Schema {
    what: "store of dead letters",
    meta: "brigade_dead_letter_meta",
    version: VERSION,
    tables: TABLES,
};

/// Whether a file has a place for letters.
pub(in crate::sqlite) fn are_there(connection: &Connection) -> Result<bool, Unusable> {
    SCHEMA.found(connection)
}

/// Makes the tables if there are none.
pub(super) fn prepare(transaction: &Transaction<'_>) -> Result<(), Unusable> {
    let first = "INSERT INTO brigade_dead_letter_meta VALUES (?1)";
    SCHEMA.prepare(transaction, (first, [VERSION]))
}
