//! Which rows, and how they are opened.

use std::fmt;
use std::marker::PhantomData;
use std::num::NonZeroUsize;
use std::sync::Arc;

use super::parts::RowsPosition;
use crate::postgres::handle::Postgres;

/// The most bytes of a page, where nothing else is said.
const PAGE: u64 = 4 << 20;

/// Describes rows to be read; [`Postgres::rows`] begins it.
#[must_use = "nothing is read before `open`"]
pub struct PostgresRowsBuilder<R> {
    pub(super) db: Postgres,
    pub(super) name: Arc<str>,
    pub(super) schema: Option<String>,
    pub(super) key: Option<String>,
    pub(super) query: Option<String>,
    pub(super) columns: Option<Vec<String>>,
    pub(super) after: Option<Arc<str>>,
    pub(super) up_to: Option<Arc<str>>,
    pub(super) readers: NonZeroUsize,
    pub(super) page: u64,
    pub(super) position: RowsPosition,
    pub(super) row: PhantomData<fn() -> R>,
}

impl<R> fmt::Debug for PostgresRowsBuilder<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresRowsBuilder")
            .field("db", &self.db)
            .field("name", &self.name)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

impl Postgres {
    /// Rows of a table as a source, in the order of a [`key`](PostgresRowsBuilder::key), or those of a
    /// [`query`](PostgresRowsBuilder::query).
    ///
    /// All rows are those of one snapshot, taken when the pipeline begins to read: each row that was committed by then comes
    /// once, as it was then, whatever is written meanwhile. A page of rows is fetched when the last one is handed on, of at
    /// most 4 MiB, or one row if that is larger ([`page_bytes`](PostgresRowsBuilder::page_bytes)): no more of the table is in
    /// memory, but what the pipeline holds.
    ///
    /// `R` is any type that serde reads. Of a table a struct reads the columns of its fields, and no others; a tuple those
    /// that are named with [`columns`](PostgresRowsBuilder::columns), or all; a map or a `serde_json::Value` all; anything
    /// else the only one.
    ///
    /// | column | reads as |
    /// |---|---|
    /// | `smallint`, `integer`, `bigint`, `real`, `double precision`, `boolean` | numbers and `bool` |
    /// | `text`, `varchar`, `char` | `String`, `char`, an enum of names |
    /// | `bytea` | `Vec<u8>`, `[u8; n]`, and what asks for bytes |
    /// | `json`, `jsonb` | its text as a `String`; anything else is what the JSON says |
    /// | arrays and rows | what their JSON says |
    /// | `timestamptz`, `timestamp`, `date` | their text in ISO 8601 |
    /// | `numeric` | its digits as a `String`, or a number |
    /// | `uuid`, enums and all else | their text, as PostgreSQL writes it |
    /// | NULL | `None` |
    ///
    /// Rows are read by the one worker at a time that asks the source. What is dear to parse, large JSON say, is better read as
    /// a `String` and parsed in a stage of several workers.
    ///
    /// While it is read, the snapshot keeps the server from removing what is deleted or replaced in that database, which makes
    /// queues there slower: read from a standby, or move queues that are used much into a database of their own.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # use pipeline_connectors as brigade;
    /// use brigade::database::Postgres;
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Shape {
    ///     id: i64,
    ///     country: String,
    ///     outline: String,
    /// }
    ///
    /// let db = Postgres::connect("postgres://app:secret@db.example/work").await?;
    /// let shapes = db.rows::<Shape>("shapes").key("id").readers(4).open().await?;
    /// // At the head of a pipeline: [shapes] 8 map(|shape| simplified(shape)), …
    /// # let _ = shapes;
    /// # Ok(())
    /// # }
    /// ```
    pub fn rows<R>(&self, name: impl Into<Arc<str>>) -> PostgresRowsBuilder<R> {
        PostgresRowsBuilder {
            db: self.clone(),
            name: name.into(),
            schema: None,
            key: None,
            query: None,
            columns: None,
            after: None,
            up_to: None,
            readers: NonZeroUsize::MIN,
            page: PAGE,
            position: RowsPosition::new(),
            row: PhantomData,
        }
    }
}

impl<R> PostgresRowsBuilder<R> {
    /// The column that tells the rows apart, and in whose order they are read: of any type that has an order, with a unique
    /// index on it alone, and without a NULL.
    pub fn key(mut self, column: impl Into<String>) -> Self {
        self.key = Some(column.into());
        self
    }

    /// How many connections read at the same time, each in a snapshot that is the same for all. The default is 1; 0 means 1.
    /// The range of keys is divided into 16 parts for each, by a sample of the table, and whoever is done takes the next
    /// part: so rows come in the order of their keys within a part alone, while with one reader all do. Each holds a page.
    pub fn readers(mut self, readers: usize) -> Self {
        self.readers = NonZeroUsize::new(readers).unwrap_or(NonZeroUsize::MIN);
        self
    }

    /// The schema that the table is in. Where none is said, it is found by the `search_path` of the connection.
    pub fn schema(mut self, name: impl Into<String>) -> Self {
        self.schema = Some(name.into());
        self
    }

    /// Which columns are read, and in which order. The default is those that the fields of a struct are called by, or else
    /// all. A field without a column, one with a default say, needs them named.
    pub fn columns<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.columns = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Only rows whose keys are greater than this one. So a program goes on where an earlier one was: with one reader,
    /// after the key of the last row of which it knows that all before it are done.
    pub fn after(mut self, key: impl fmt::Display) -> Self {
        self.after = Some(key.to_string().into());
        self
    }

    /// Only rows whose keys are this one or smaller.
    pub fn up_to(mut self, key: impl fmt::Display) -> Self {
        self.up_to = Some(key.to_string().into());
        self
    }

    /// How many bytes of rows are fetched at once for each reader; a row that is larger comes alone. The default is 4 MiB.
    pub fn page_bytes(mut self, bytes: u64) -> Self {
        self.page = bytes;
        self
    }

    /// Goes on from this position, which moves with the rows that are handed to the pipeline. The source that goes on has a
    /// snapshot of its own: a row that is deleted or inserted meanwhile is there or not, and none that was there all the time
    /// is left out or comes twice. One position is for one source at a time, of one table.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example(db: pipeline_connectors::database::Postgres) {
    /// # use pipeline_connectors::source::RowsPosition;
    /// # use pipeline_runtime::source;
    /// let position = RowsPosition::new();
    /// let shapes = source::again(move |_| {
    ///     let shapes = db.rows::<(i64, String)>("shapes").key("id").columns(["id", "outline"]);
    ///     shapes.resume(&position).open()
    /// });
    /// # let _ = shapes;
    /// # }
    /// ```
    pub fn resume(mut self, position: &RowsPosition) -> Self {
        self.position = position.clone();
        self
    }

    /// The rows that this query returns, by one cursor, in place of those of a table: the name is what reports call them by.
    /// They come in the order of the query, so `ORDER BY octet_length(outline)` brings the small ones first. Nothing is read
    /// by several readers, or from a position. As many rows are fetched at once as would fit into a page if all were as large
    /// as the largest so far, twice as many as before at most, and 1,000: rows that suddenly are much larger take more.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(db: pipeline_connectors::database::Postgres) -> Result<(), Box<dyn std::error::Error>> {
    /// let smallest_first = "SELECT id, outline FROM shapes ORDER BY octet_length(outline)";
    /// let shapes = db.rows::<(i64, String)>("shapes").query(smallest_first).open().await?;
    /// # let _ = shapes;
    /// # Ok(())
    /// # }
    /// ```
    pub fn query(mut self, sql: impl Into<String>) -> Self {
        self.query = Some(sql.into());
        self
    }
}
