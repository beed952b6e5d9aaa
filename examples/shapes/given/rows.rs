//! Rows of a table `shapes (id bigint PRIMARY KEY, outline text)` in PostgreSQL.

use std::sync::Arc;

use brigade::BoxError;
use brigade::database::Postgres;
use brigade::source::{Line, PostgresRows};
use serde::Deserialize;
use tokio_postgres::{Client, NoTls};

use super::Given;

/// The table, and where it is said to be in messages.
const TABLE: &str = "shapes";

#[derive(Deserialize)]
pub struct Row {
    id: i64,
    outline: String,
}

impl Given for Row {
    fn bytes(&self) -> usize {
        self.outline.len()
    }

    fn line(self) -> Line {
        line(self.id, self.outline)
    }
}

fn line(id: i64, text: String) -> Line {
    Line {
        text,
        origin: Arc::from(TABLE),
        number: id.unsigned_abs(),
        offset: 0,
    }
}

/// All rows, in the order of their ids.
pub async fn rows(url: &str) -> Result<PostgresRows<Row>, BoxError> {
    let db = Postgres::connect(url).await?;
    Ok(db.rows::<Row>(TABLE).key("id").open().await?)
}

/// The same for the audit, one by one, and by another client.
pub struct Table(Client);

impl Table {
    pub async fn open(url: &str) -> Result<Self, BoxError> {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        tokio::spawn(connection);
        Ok(Self(client))
    }

    pub async fn ids(&self) -> Result<Vec<i64>, BoxError> {
        let rows = self
            .0
            .query("SELECT id FROM shapes ORDER BY id", &[])
            .await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    pub async fn line(&self, id: i64) -> Result<Line, BoxError> {
        let select = "SELECT outline FROM shapes WHERE id = $1";
        let row = self.0.query_one(select, &[&id]).await?;
        Ok(line(id, row.get(0)))
    }
}
