//! The tables of dead letters.

use rusqlite::{Connection, TransactionBehavior};

use crate::queue::schema::{Refused, check_version};

const VERSION: i64 = 1;

/// Originals and values are text where they are UTF-8, so that they can be read with any tool. Times are milliseconds
/// since 1970.
const TABLES: &str = "
    CREATE TABLE brigade_dead_letter_meta (version INTEGER NOT NULL);
    CREATE TABLE brigade_dead_letter (
        id TEXT PRIMARY KEY,
        original NOT NULL,
        stage TEXT NOT NULL,
        command TEXT NOT NULL,
        cause TEXT NOT NULL,
        attempts INTEGER NOT NULL,
        receive_count INTEGER NOT NULL,
        task TEXT NOT NULL,
        first_seen INTEGER NOT NULL,
        failed_at INTEGER NOT NULL
    );
    CREATE INDEX brigade_dead_letter_failed_at ON brigade_dead_letter (failed_at);
    CREATE TABLE brigade_dead_frame (
        id TEXT NOT NULL,
        place INTEGER NOT NULL,
        key TEXT NOT NULL,
        value,
        PRIMARY KEY (id, place)
    ) WITHOUT ROWID;
";

/// Makes the tables if there are none.
pub(super) fn prepare(connection: &mut Connection) -> Result<(), Refused> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let there = "SELECT count(*) FROM sqlite_schema WHERE name = 'brigade_dead_letter_meta'";
    if transaction.query_row(there, [], |row| row.get::<_, i64>(0))? == 0 {
        transaction.execute_batch(TABLES)?;
        let insert = "INSERT INTO brigade_dead_letter_meta VALUES (?)";
        transaction.execute(insert, [VERSION])?;
    }
    let version = "SELECT version FROM brigade_dead_letter_meta";
    check_version(&transaction, "store of dead letters", version, VERSION)?;
    transaction.commit()?;
    Ok(())
}
