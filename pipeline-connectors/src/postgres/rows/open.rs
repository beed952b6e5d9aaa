//! How rows are opened: what is there, and whether it can be read as is said.

use pipeline_runtime::ErrorKind;
use pipeline_runtime::private::held;
use serde::de::DeserializeOwned;
use tokio_postgres::Transaction;

use super::build::PostgresRowsBuilder;
use super::cursor::declared;
use super::fields::fields;
use super::form::Column;
use super::plan::{Plan, What};
use super::source::PostgresRows;
use super::stats::RowsStats;
use super::table::{Said, Table};
use crate::postgres::answer::answered;
use crate::postgres::error::{ConnectError, ConnectErrorKind, Refused};
use crate::table::quoted;

impl<R: DeserializeOwned + Send + 'static> PostgresRowsBuilder<R> {
    /// Opens the rows for reading. A server that does not answer is waited for, for
    /// [`connect_within`](crate::database::PostgresBuilder::connect_within).
    ///
    /// # Errors
    ///
    /// If there is no such table, it lacks a column, the key has no unique index or is NULL somewhere, or the user may not
    /// read it; if the query is none; if the server does not answer in time.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn open(self) -> Result<PostgresRows<R>, ConnectError> {
        let db = &self.db;
        if let Err(problem) = self.check() {
            return Err(db.refused(self.problem(problem)));
        }
        let patience = db.patience();
        let mut asking = patience.asking();
        loop {
            match held("the rows", self.try_open()).await {
                Ok((what, columns)) => {
                    asking.answered();
                    return Ok(PostgresRows::new(Plan {
                        db: self.db,
                        name: self.name,
                        columns,
                        what,
                        page: self.page,
                        stats: RowsStats::default(),
                    }));
                }
                Err(refused) => db.pause(&mut asking, refused).await?,
            }
        }
    }

    async fn try_open(&self) -> Result<(What, Vec<Column>), Refused> {
        let mut alone = self.db.transacting().alone().await?;
        // It is rolled back.
        let transaction = alone.transaction().await?;
        match self.find(&transaction).await {
            Err(Refused::Failed(failed)) if failed.kind != ErrorKind::Away => {
                let advice = match failed
                    .code
                    .as_ref()
                    .map(tokio_postgres::error::SqlState::code)
                {
                    Some("42501") => "; grant SELECT on it to the user",
                    _ => "",
                };
                Err(Refused::Because(
                    self.problem(format!("{}{advice}", failed.said)),
                ))
            }
            found => found,
        }
    }

    async fn find(&self, transaction: &Transaction<'_>) -> Result<(What, Vec<Column>), Refused> {
        if let Some(query) = &self.query {
            let (declared, columns) = declared(transaction, query).await?;
            return Ok((What::Query(declared), columns));
        }
        let schema = self.schema.as_ref();
        let schema = schema.map_or_else(String::new, |schema| quoted(schema) + ".");
        let fields = fields::<R>();
        let named = fields.map(|fields| fields.iter().map(|name| (*name).to_owned()).collect());
        let said = Said {
            of: schema + &quoted(&self.name),
            key: self.key.as_deref().unwrap_or_default(),
            after: self.after.clone(),
            up_to: self.up_to.clone(),
            are_fields: self.columns.is_none(),
            columns: self.columns.clone().or(named),
        };
        let problem = |problem| self.problem(problem);
        let (table, columns) = Table::find(transaction, said, &problem).await?;
        table.try_out(transaction).await?;
        if table.is_nullable {
            self.refuse_nulls(transaction, &table).await?;
        }
        let what = What::Table {
            table,
            readers: self.readers.get(),
            position: self.position.clone(),
        };
        Ok((what, columns))
    }

    async fn refuse_nulls(
        &self,
        transaction: &Transaction<'_>,
        table: &Table,
    ) -> Result<(), Refused> {
        let row = answered(transaction.query_typed_one(&table.nulls(), &[])).await?;
        if row.try_get::<_, bool>(0)? {
            return Err(Refused::Because(self.problem(table.nulls_said())));
        }
        Ok(())
    }
}

impl<R> PostgresRowsBuilder<R> {
    fn problem(&self, problem: String) -> ConnectErrorKind {
        ConnectErrorKind::Rows {
            rows: self.name.to_string(),
            problem,
        }
    }

    fn check(&self) -> Result<(), String> {
        let is_a_tables = self.key.is_some()
            || self.readers.get() > 1
            || self.after.is_some()
            || self.up_to.is_some()
            || self.columns.is_some()
            || self.schema.is_some();
        match (&self.query, &self.key) {
            (Some(_), _) if is_a_tables => Err(
                "`key`, `readers`, `columns`, `after`, `up_to` and `schema` are of a table; say it in the `query`, or leave that out".into(),
            ),
            (Some(_), _) if self.position.has_begun() => Err(
                "a query has no position; leave out `resume`, or read a table by its `key`".into(),
            ),
            (None, None) => Err(
                "it is not said by which key it is read; name a unique column with `key(\"id\")`, or read it by `query`".into(),
            ),
            _ => Ok(()),
        }
    }
}
