//! What a query returns, by a cursor.

use tokio_postgres::types::Type;
use tokio_postgres::{Client, Transaction};

use super::form::{Column, Form};
use super::page::Hand;
use super::plan::Plan;
use crate::postgres::answer::answered;
use crate::postgres::error::Failed;

/// The most rows that are fetched at once.
const MOST: u64 = 1_000;

/// Declares the cursor, of the columns that the query has, which are called as it calls them.
pub(super) async fn declared(
    transaction: &Transaction<'_>,
    query: &str,
) -> Result<(String, Vec<Column>), Failed> {
    let query = query.trim().trim_end_matches(';');
    let statement = answered(transaction.prepare(query)).await?;
    let columns = statement.columns().iter().map(|column| Column {
        name: column.name().to_owned(),
        form: Form::of(&plain(column.type_())),
    });
    let columns: Vec<_> = columns.collect();
    // Two may be called alike.
    let numbers = 0..columns.len();
    let names: Vec<_> = numbers.map(|number| format!("c{number}")).collect();
    let select = columns.iter().zip(&names);
    let select: Vec<_> = select
        .map(|(column, name)| column.form.expression(&format!("q.{name}")))
        .collect();
    let declared = format!(
        "DECLARE brigade_rows NO SCROLL CURSOR FOR SELECT {} FROM ({query}\n) AS q({})",
        select.join(", "),
        names.join(", ")
    );
    // Whether it is one that returns rows: it ends with the transaction.
    answered(transaction.batch_execute(&declared)).await?;
    Ok((declared, columns))
}

/// What is sent of a type over another is of that one.
fn plain(of: &Type) -> Type {
    match of.kind() {
        tokio_postgres::types::Kind::Domain(of) => plain(of),
        _ => of.clone(),
    }
}

/// Reads all of it. How long the first row takes is the query's to say.
pub(super) async fn read_query(
    plan: &Plan,
    client: Client,
    declared: &str,
    hand: Hand,
) -> Result<(), Failed> {
    // All of the table may have to be read.
    let plain = "SET LOCAL enable_seqscan = DEFAULT; SET LOCAL jit = DEFAULT";
    answered(client.batch_execute(plain)).await?;
    answered(client.batch_execute(declared)).await?;
    let (mut most, mut heaviest) = (1, 1);
    loop {
        let turn = hand.turn().await;
        let fetch = format!("FETCH FORWARD {most} FROM brigade_rows");
        let rows = client.query_typed(&fetch, &[]).await;
        let rows = rows.map_err(|error| Failed::from(&error))?;
        let is_last = (rows.len() as u64) < most;
        let bytes = rows.iter().map(|row| row.raw_size_bytes() as u64);
        heaviest = bytes.max().unwrap_or(0).max(heaviest);
        most = (plan.page / heaviest).clamp(1, (2 * most).min(MOST));
        if !rows.is_empty() {
            hand.give(plan, turn, rows, None).await;
        }
        if is_last {
            return answered(client.batch_execute("COMMIT")).await;
        }
    }
}
