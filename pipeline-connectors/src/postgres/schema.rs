//! The tables: made if there are none, refused if they are of another version.

use tokio_postgres::Transaction;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;

use super::error::{ConnectErrorKind, Failed, Refused};
use super::line::Line;

/// Of the tables. Another one is not opened.
const MAJOR: i32 = 2;
/// Grows with what is added to them; what this version asks for stays as it is.
const MINOR: i32 = 0;

const TABLES: &str = include_str!("tables.sql");
const QUEUE: &str = include_str!("functions.sql");
const ADMIN: &str = include_str!("admin.sql");
const PUBLIC: &str = include_str!("public.sql");
const JOURNAL: &str = include_str!("journal.sql");

/// A name as SQL takes it, whatever is in it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// All that is to be made in a schema of this name, which is quoted.
pub(super) fn sql(schema: &str) -> String {
    let version = format!(
        "INSERT INTO {schema}.meta (major, minor) VALUES ({MAJOR}, {MINOR}) ON CONFLICT DO NOTHING;\n"
    );
    let all =
        format!("{TABLES}\n{QUEUE}\n{ADMIN}\n{PUBLIC}\n{JOURNAL}\n").replace("{schema}", schema);
    all + &version
}

/// Makes what is not there. Returns what tells these tables from any others.
pub(super) async fn prepare(line: &Line, schema: &str) -> Result<String, Refused> {
    // Whoever may not make tables can use those that are there.
    if let Some(home) = found(line, schema).await? {
        return Ok(home);
    }
    let mut alone = line.alone().await?;
    let transaction = alone.transaction().await?;
    make(&transaction, schema).await?;
    transaction.commit().await?;
    drop(alone);
    let gone = || ConnectErrorKind::Other("its tables are gone again".into());
    let home = found(line, schema).await?;
    home.ok_or_else(|| Refused::Because(gone()))
}

/// One of those who begin at the same time makes them: the others wait, and find them.
async fn make(transaction: &Transaction<'_>, schema: &str) -> Result<(), tokio_postgres::Error> {
    let lock = "SELECT pg_advisory_xact_lock(hashtextextended('brigade tables ' || $1, 0))";
    transaction
        .execute_typed(lock, &[(&schema, Type::TEXT)])
        .await?;
    let there = "SELECT to_regnamespace($1) IS NOT NULL, to_regclass($1 || '.meta') IS NOT NULL";
    let there = transaction
        .query_typed_one(there, &[(&schema, Type::TEXT)])
        .await?;
    if !there.try_get::<_, bool>(0)? {
        transaction
            .batch_execute(&format!("CREATE SCHEMA {schema}"))
            .await?;
    }
    if !there.try_get::<_, bool>(1)? {
        transaction.batch_execute(&sql(schema)).await?;
    }
    Ok(())
}

/// What tells the tables that are there, if any are.
pub(super) async fn found(line: &Line, schema: &str) -> Result<Option<String>, Refused> {
    let ask = format!("SELECT major, home FROM {schema}.meta");
    let rows = match line.query_alone(&ask, &[]).await {
        Ok(rows) => rows,
        Err(Failed {
            code: Some(SqlState::UNDEFINED_TABLE | SqlState::INVALID_SCHEMA_NAME),
            ..
        }) => return Ok(None),
        Err(failed) => return Err(failed.into()),
    };
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let found = row.try_get(0)?;
    if found != MAJOR {
        let known = MAJOR;
        return Err(Refused::Because(ConnectErrorKind::Version { found, known }));
    }
    Ok(Some(row.try_get(1)?))
}
