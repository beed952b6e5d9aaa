//! The tables: made if there are none, refused if they are of another version.

use tokio_postgres::Transaction;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;

use super::error::{ConnectErrorKind, Failed, Refused};
use super::line::Line;

/// Of the tables. Another one is not opened.
const MAJOR: i32 = 2;
/// Grows with what is added to them; what this version asks for stays as it is.
const MINOR: i32 = 5;
/// The first minor version with leases and schedules.
pub(super) const LEASES_SINCE: i32 = 2;

const TABLES: &str = include_str!("tables.sql");
/// What later minor versions have added to these.
const COLUMNS: &str = include_str!("columns.sql");
const QUEUE: &str = include_str!("functions.sql");
const ADMIN: &str = include_str!("admin.sql");
const PUBLIC: &str = include_str!("public.sql");
const JOURNAL: &str = include_str!("journal.sql");
/// With tables that the first version did not have.
const LEASES: &str = include_str!("leases.sql");
const BROADCAST: &str = include_str!("broadcast.sql");
const CONTROL: &str = include_str!("control.sql");

/// Who makes tables or changes them does so alone.
const LOCK: &str = "pg_advisory_xact_lock(hashtextextended('brigade tables ' || $1, 0))";

/// A name as SQL takes it, whatever is in it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// All that is to be made in a schema of this name, which is quoted.
pub(super) fn sql(schema: &str) -> String {
    let version = format!(
        "INSERT INTO {schema}.meta (major, minor) VALUES ({MAJOR}, {MINOR}) ON CONFLICT DO NOTHING;\n"
    );
    let tables = TABLES.replace("{schema}", schema);
    format!("{tables}\n{}{version}", functions(schema))
}

/// What makes tables of an earlier minor version those of this one; of others it changes nothing.
///
/// It asks for the version when nobody else can change it: an older program's functions must not take the place of newer ones,
/// whoever runs this, and when.
pub(super) fn upgrade_sql(schema: &str) -> String {
    let functions = functions(schema);
    let lock = LOCK.replace("$1", &format!("'{}'", schema.replace('\'', "''")));
    format!(
        "DO $upgrade$
BEGIN
PERFORM {lock};
IF NOT EXISTS (SELECT FROM {schema}.meta WHERE major = {MAJOR} AND minor < {MINOR}) THEN
    RETURN;
END IF;
{functions}
UPDATE {schema}.meta SET minor = {MINOR};
END $upgrade$;
"
    )
}

/// Columns are added where they are not, and functions made anew where they are.
fn functions(schema: &str) -> String {
    format!("{COLUMNS}\n{QUEUE}\n{ADMIN}\n{PUBLIC}\n{JOURNAL}\n{LEASES}\n{BROADCAST}\n{CONTROL}\n")
        .replace("{schema}", schema)
}

/// What tells tables from any others, and how old they are.
pub(super) struct Found {
    pub(super) home: String,
    pub(super) minor: i32,
}

/// Makes what is not there, and adds what is missing. Returns what tells these tables from any others.
pub(super) async fn prepare(line: &Line, schema: &str) -> Result<String, Refused> {
    // Whoever may not make tables can use those that are there.
    if let Some(Found { home, minor }) = found(line, schema).await? {
        if minor < MINOR {
            upgrade(line, schema).await?;
        }
        return Ok(home);
    }
    let mut alone = line.alone().await?;
    let transaction = alone.transaction().await?;
    make(&transaction, schema).await?;
    transaction.commit().await?;
    drop(alone);
    let gone = || ConnectErrorKind::Other("its tables are gone again".into());
    let found = found(line, schema).await?;
    let found = found.ok_or_else(|| Refused::Because(gone()))?;
    Ok(found.home)
}

/// Those who work with them go on meanwhile: what they ask for stays as it is.
async fn upgrade(line: &Line, schema: &str) -> Result<(), Refused> {
    let mut alone = line.alone().await?;
    let transaction = alone.transaction().await?;
    lock(&transaction, schema).await?;
    // Another may have done it meanwhile.
    let minor = format!("SELECT minor FROM {schema}.meta");
    let minor = transaction.query_typed_one(&minor, &[]).await?.try_get(0)?;
    if minor >= MINOR {
        return Ok(());
    }
    let upgraded = transaction.batch_execute(&upgrade_sql(schema)).await;
    if let Err(error) = upgraded {
        if error.code() != Some(&SqlState::INSUFFICIENT_PRIVILEGE) {
            return Err(error.into());
        }
        let kind = ConnectErrorKind::Older {
            found: (MAJOR, minor),
            known: (MAJOR, MINOR),
        };
        return Err(Refused::Because(kind));
    }
    transaction.commit().await?;
    Ok(())
}

/// One of those who begin at the same time makes them: the others wait, and find them.
async fn make(transaction: &Transaction<'_>, schema: &str) -> Result<(), tokio_postgres::Error> {
    lock(transaction, schema).await?;
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

async fn lock(transaction: &Transaction<'_>, schema: &str) -> Result<(), tokio_postgres::Error> {
    transaction
        .execute_typed(&format!("SELECT {LOCK}"), &[(&schema, Type::TEXT)])
        .await?;
    Ok(())
}

/// The tables that are there, if any are.
pub(super) async fn found(line: &Line, schema: &str) -> Result<Option<Found>, Refused> {
    let ask = format!("SELECT major, home, minor FROM {schema}.meta");
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
    let (home, minor) = (row.try_get(1)?, row.try_get(2)?);
    Ok(Some(Found { home, minor }))
}
