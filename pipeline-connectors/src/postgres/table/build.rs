//! Which table, and how it is opened.

use std::sync::Arc;

use pipeline_runtime::ErrorKind;
use pipeline_runtime::private::held;
use tokio_postgres::Transaction;
use tokio_postgres::types::{ToSql, Type};

use super::columns::{COLUMNS, Column};
use super::encode::Encoded;
use super::inner::Inner;
use super::sink::PostgresTable;
use super::sql::Sql;
use crate::postgres::answer::answered;
use crate::postgres::error::{ConnectError, ConnectErrorKind, Failed, Refused};
use crate::postgres::handle::Postgres;
use crate::postgres::line::Value;
use crate::table::{self, Columns, TableStats, quoted};

/// Describes a table; [`Postgres::table`] begins it.
pub type PostgresTableBuilder = table::TableBuilder<Within>;

/// Where a table is.
#[derive(Debug, Clone)]
pub struct Within {
    db: Postgres,
    /// Where none is said, it is found as the server finds tables.
    schema: Option<String>,
}

impl Postgres {
    /// A table of the database, to be described and opened.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # use pipeline_connectors as brigade;
    /// use brigade::database::Postgres;
    ///
    /// let db = Postgres::connect("postgres://app:secret@db.example/work").await?;
    /// let posts = db
    ///     .table("posts")
    ///     .column("id", "bigint")
    ///     .column("text", "text NOT NULL")
    ///     .column("seen", "timestamptz")
    ///     .key(["id"])
    ///     .upsert()
    ///     .create()
    ///     .open()
    ///     .await?;
    /// // At the end of a pipeline: map(|post| (post.id, post.text, post.seen)), :drive posts
    /// # let _: &dyn Send = &posts;
    /// # Ok(())
    /// # }
    /// ```
    pub fn table(&self, name: impl Into<String>) -> PostgresTableBuilder {
        let within = Within {
            db: self.clone(),
            schema: None,
        };
        PostgresTableBuilder::new(within, name.into())
    }
}

impl table::TableBuilder<Within> {
    /// The schema that the table is in. Where none is said, it is found by the `search_path` of the connection, and made
    /// in the first schema of that. [`PostgresBuilder::schema`](crate::database::PostgresBuilder::schema) is another: that
    /// of queues, journals and letters.
    pub fn schema(mut self, name: impl Into<String>) -> Self {
        self.database.schema = Some(name.into());
        self
    }

    /// Opens the table for writing. A server that does not answer is waited for, for
    /// [`connect_within`](crate::database::PostgresBuilder::connect_within).
    ///
    /// # Errors
    ///
    /// If there is no such table, it lacks a column, the key is not unique, or the user may not write to it; if the server
    /// does not answer in time.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn open(self) -> Result<PostgresTable, ConnectError> {
        let db = &self.database.db;
        if let Err(problem) = self.check() {
            return Err(db.refused(self.problem(problem)));
        }
        let patience = db.patience();
        let mut asking = patience.asking();
        loop {
            match held("the table", self.try_open()).await {
                Ok(table) => {
                    asking.answered();
                    return Ok(table);
                }
                Err(refused) => db.pause(&mut asking, refused).await?,
            }
        }
    }

    fn check(&self) -> Result<(), String> {
        self.description.check()?;
        let mut columns = self.description.columns.iter();
        let undeclared = columns.find(|(_, declaration)| declaration.trim().is_empty());
        match undeclared {
            Some((name, _)) if self.description.create => Err(format!(
                "its column `{name}` has no type to make it with; write it as `.column(\"{name}\", \"text\")`"
            )),
            _ => Ok(()),
        }
    }

    fn problem(&self, problem: String) -> ConnectErrorKind {
        ConnectErrorKind::Table {
            table: self.description.name.clone(),
            problem,
        }
    }

    /// Its name, as SQL takes it.
    fn table(&self) -> String {
        let schema = self.database.schema.as_ref();
        let schema = schema.map_or_else(String::new, |schema| quoted(schema) + ".");
        schema + &quoted(&self.description.name)
    }

    async fn try_open(&self) -> Result<PostgresTable, Refused> {
        let table = self.table();
        let mut alone = self.database.db.transacting().alone().await?;
        let transaction = alone.transaction().await?;
        let opened = self.prepare(&transaction, &table).await;
        let (columns, names, sql) = match opened {
            // What it is described as is not what it is.
            Err(Refused::Failed(failed)) if failed.kind != ErrorKind::Away => {
                return Err(match failed.into_connect() {
                    ConnectErrorKind::Other(said) => Refused::Because(self.problem(said)),
                    kind => Refused::Because(kind),
                });
            }
            opened => opened?,
        };
        answered(transaction.commit()).await?;
        Ok(PostgresTable(Arc::new(Inner {
            db: self.database.db.clone(),
            names,
            columns,
            sql,
            stats: TableStats::default(),
            #[cfg(feature = "service")]
            fence: None,
        })))
    }

    async fn prepare(
        &self,
        transaction: &Transaction<'_>,
        table: &str,
    ) -> Result<(Vec<Column>, Columns, Sql), Refused> {
        if self.description.create {
            self.make(transaction, table).await?;
        }
        let (columns, is_plain) = self.find(transaction, table).await?;
        let names = self.description.names();
        let sql = Sql::new(&self.description, &names, &columns, (table, is_plain));
        // Of no rows: whether it may be done, and the key is one, the server tells only then.
        let none = Encoded::new(&columns);
        let arrays = columns.iter().enumerate().map(|(index, column)| {
            let (element, array) = column.takes.types();
            (none.of(index, element, &[]), array)
        });
        let arrays: Vec<_> = arrays.collect();
        let values: Vec<Value<'_>> = arrays
            .iter()
            .map(|(values, array)| (values as &(dyn ToSql + Sync), array.clone()))
            .collect();
        answered(transaction.query_typed(&sql.insert, &values)).await?;
        Ok((columns, names, sql))
    }

    /// One of those who begin at the same time makes it: the others wait, and find it. Who may not make tables can use one
    /// that is there.
    async fn make(&self, transaction: &Transaction<'_>, table: &str) -> Result<(), Failed> {
        let lock = "SELECT pg_advisory_xact_lock(hashtextextended('brigade table ' || $1, 0))";
        let values: [Value<'_>; 1] = [(&table, Type::TEXT)];
        answered(transaction.query_typed(lock, &values)).await?;
        let there = "SELECT to_regclass($1) IS NOT NULL";
        let there = answered(transaction.query_typed_one(there, &values)).await?;
        if !there
            .try_get::<_, bool>(0)
            .map_err(|error| Failed::from(&error))?
        {
            answered(transaction.batch_execute(&self.description.create(table))).await?;
        }
        Ok(())
    }

    /// Its columns, in the order of their description, and whether it is a table as most are.
    async fn find(
        &self,
        transaction: &Transaction<'_>,
        table: &str,
    ) -> Result<(Vec<Column>, bool), Refused> {
        let values: [Value<'_>; 1] = [(&table, Type::TEXT)];
        let rows = answered(transaction.query_typed(COLUMNS, &values)).await?;
        let Some(first) = rows.first() else {
            let problem = "there is none; make it, or let `create` do so".into();
            return Err(Refused::Because(self.problem(problem)));
        };
        let is_plain = first.try_get::<_, &str>(0)? == "r";
        let there = rows.iter().map(Column::read);
        let there = there.collect::<Result<Vec<_>, _>>()?;
        let named = self.description.columns.iter().map(|(name, _)| {
            let column = there.iter().find(|column| column.name == *name);
            column.cloned().ok_or_else(|| {
                let problem = format!("it has no column `{name}`");
                Refused::Because(self.problem(problem))
            })
        });
        Ok((named.collect::<Result<_, _>>()?, is_plain))
    }
}
