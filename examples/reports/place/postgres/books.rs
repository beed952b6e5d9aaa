//! What the database tells of a run.

use std::sync::Arc;

use brigade::BoxError;
use tokio_postgres::{Client, Row};

use super::super::{Books, Ends};

/// The database itself notes what is recorded, in the transaction that records it: what is recorded of a task goes when its
/// message is settled.
const NOTES: &str = "
    CREATE TABLE IF NOT EXISTS {schema}.recorded (
        tx xid8 NOT NULL DEFAULT pg_current_xact_id(), seq bigserial, frame text NOT NULL
    );
    CREATE INDEX IF NOT EXISTS recorded_tx ON {schema}.recorded (tx);
    CREATE OR REPLACE FUNCTION {schema}.note_recorded() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN
        INSERT INTO {schema}.recorded (frame) VALUES (new.task || ''/'' || new.key);
        RETURN NULL;
    END';
    DROP TRIGGER IF EXISTS note_recorded ON {schema}.frame;
    CREATE TRIGGER note_recorded AFTER INSERT ON {schema}.frame FOR EACH ROW EXECUTE FUNCTION {schema}.note_recorded();
";

/// What was recorded in transactions that were under way when it was last looked, or later: what is committed late may have
/// a small number.
const RECORDED: &str = "
    SELECT (SELECT pg_snapshot_xmin(pg_current_snapshot())::text), frame
    FROM (SELECT) AS one LEFT JOIN {schema}.recorded ON tx >= ($1::text)::xid8 ORDER BY tx, seq
";
const DONE: &str =
    "SELECT (SELECT count(*) FROM {schema}.reports) + (SELECT count(*) FROM {schema}.letter)";

pub struct ServerBooks {
    client: Arc<Client>,
    select: String,
    done: String,
    rows: String,
    letters: String,
    ticks: String,
    told: String,
    /// No transaction before this one was still under way.
    open: String,
}

impl ServerBooks {
    /// With what puts the name of the schema into SQL.
    pub async fn open(client: Arc<Client>, sql: impl Fn(&str) -> String) -> Result<Self, BoxError> {
        client.batch_execute(&sql(NOTES)).await?;
        Ok(Self {
            client,
            select: sql(RECORDED),
            done: sql(DONE),
            rows: sql("SELECT number, count(*) FROM {schema}.reports GROUP BY number"),
            letters: sql("SELECT id, stage FROM {schema}.letter"),
            ticks: sql("SELECT tick, count(*) FROM {schema}.totals GROUP BY tick"),
            told: sql("SELECT coalesce(max(last), 0) FROM {schema}.broadcast"),
            open: "0".to_owned(),
        })
    }
}

impl ServerBooks {
    async fn count(&self, sql: &str) -> Result<u64, BoxError> {
        let count: i64 = self.client.query_one(sql, &[]).await?.try_get(0)?;
        Ok(count.unsigned_abs())
    }
}

impl Books for ServerBooks {
    async fn recorded(&mut self) -> Result<Vec<String>, BoxError> {
        let rows = self.client.query(&self.select, &[&self.open]).await?;
        let mut frames = Vec::new();
        for row in &rows {
            self.open = row.try_get(0)?;
            frames.extend(row.try_get::<_, Option<String>>(1)?);
        }
        Ok(frames)
    }

    async fn done(&self) -> Result<u64, BoxError> {
        self.count(&self.done).await
    }

    async fn told(&self) -> Result<u64, BoxError> {
        self.count(&self.told).await
    }

    async fn ends(&self) -> Result<Ends, BoxError> {
        let rows = self.client.query(&self.rows, &[]).await?;
        let row = |row: &Row| -> Result<(u32, u32), BoxError> {
            let (number, count): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
            Ok((number.try_into()?, count.try_into()?))
        };
        let letters = self.client.query(&self.letters, &[]).await?;
        let letter = |row: &Row| -> Result<(String, String), BoxError> {
            Ok((row.try_get(0)?, row.try_get(1)?))
        };
        let ticks = self.client.query(&self.ticks, &[]).await?;
        let tick = |row: &Row| -> Result<(String, u32), BoxError> {
            Ok((row.try_get(0)?, row.try_get::<_, i64>(1)?.try_into()?))
        };
        Ok(Ends {
            ticks: ticks.iter().map(tick).collect::<Result<_, _>>()?,
            rows: rows.iter().map(row).collect::<Result<_, _>>()?,
            letters: letters.iter().map(letter).collect::<Result<_, _>>()?,
        })
    }
}
