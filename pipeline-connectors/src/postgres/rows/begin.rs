//! How readers begin: on one snapshot, which the first of them takes and the others are told.

use std::sync::Arc;

use futures::future::try_join_all;
use tokio_postgres::types::{FromSql, Type};
use tokio_postgres::{Client, Row};

use super::parts::{Part, between};
use super::plan::Plan;
use super::table::Table;
use crate::postgres::answer::answered;
use crate::postgres::error::Failed;
use crate::postgres::line::Value;

/// A key's range has so many parts for each reader, so that none is at work for long when the others have ended.
const PARTS: usize = 16;
/// So many pages of a table are looked at for where parts begin.
const SAMPLED: u32 = 1_024;

const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
/// A transaction that waits for its pipeline is meant to. And rows are found by their keys, whatever is known of the table.
const SET: &str = "SELECT set_config(name, CASE WHEN vartype = 'bool' THEN 'off' ELSE '0' END, true) FROM pg_catalog.pg_settings
    WHERE name IN ('statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout', 'enable_seqscan', 'jit')";

/// A connection of its own, with a transaction that only reads.
pub(super) async fn first(plan: &Plan) -> Result<Client, Failed> {
    let client = plan.db.transacting().apart().await?;
    answered(client.batch_execute(BEGIN)).await?;
    answered(client.query_typed(SET, &[])).await?;
    Ok(client)
}

/// More of these, which see what the first one sees.
pub(super) async fn others(
    plan: &Plan,
    first: &Client,
    count: usize,
) -> Result<Vec<Client>, Failed> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let row = answered(first.query_typed_one("SELECT pg_export_snapshot()", &[])).await?;
    let snapshot: String = read(&row, 0)?;
    let begin = format!(
        "{BEGIN}; SET TRANSACTION SNAPSHOT '{}'",
        snapshot.replace('\'', "''")
    );
    try_join_all((0..count).map(async |_| {
        let client = plan.db.transacting().apart().await?;
        answered(client.batch_execute(&begin)).await?;
        answered(client.query_typed(SET, &[])).await?;
        Ok(client)
    }))
    .await
}

/// The parts of the range of keys: at least 16 for each reader, if there are so many rows.
pub(super) async fn divided(
    client: &Client,
    table: &Table,
    readers: usize,
) -> Result<Vec<Part>, Failed> {
    if table.is_nullable {
        refuse_nulls(client, table).await?;
    }
    let sample = sample(client, table).await?;
    let within = table.within(&table.bounds());
    let (Table { of, key, .. }, parts) = (table, PARTS * readers);
    // The first of each part but the first.
    let bounds = format!(
        "SELECT DISTINCT ON (part) key::text FROM (
            SELECT key, ntile({parts}) OVER (ORDER BY key) AS part
            FROM (SELECT {key} AS key FROM {of} AS t {sample} {within}) AS sampled
        ) AS divided WHERE part > 1 ORDER BY part, key"
    );
    let rows = answered(client.query_typed(&bounds, &table.bounds().values())).await?;
    let bounds = rows.iter().map(|row| read::<String>(row, 0).map(Arc::from));
    let bounds = bounds.collect::<Result<_, _>>()?;
    Ok(between(table.after.clone(), bounds, table.up_to.clone()))
}

async fn refuse_nulls(client: &Client, table: &Table) -> Result<(), Failed> {
    let row = answered(client.query_typed_one(&table.nulls(), &[])).await?;
    if read(&row, 0)? {
        return Err(Failed::ours(table.nulls_said()));
    }
    Ok(())
}

/// What limits how much of the table is looked at.
async fn sample(client: &Client, table: &Table) -> Result<String, Failed> {
    let pages = "SELECT coalesce(sum(pg_relation_size(relid) / current_setting('block_size')::bigint), 0)::bigint
        FROM (SELECT relid FROM pg_partition_tree(to_regclass($1)) UNION SELECT to_regclass($1)) AS parts";
    let values: [Value<'_>; 1] = [(&table.of, Type::TEXT)];
    let row = answered(client.query_typed_one(pages, &values)).await?;
    let pages: i64 = read(&row, 0)?;
    let pages = u32::try_from(pages).unwrap_or(u32::MAX);
    if pages <= SAMPLED {
        return Ok(String::new());
    }
    let percent = 100.0 * f64::from(SAMPLED) / f64::from(pages);
    Ok(format!("TABLESAMPLE SYSTEM ({percent})"))
}

pub(super) fn read<T>(row: &Row, index: usize) -> Result<T, Failed>
where
    T: for<'r> FromSql<'r>,
{
    row.try_get(index).map_err(|error| Failed::from(&error))
}
