//! A database, connected to once for all that is in it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use pipeline_runtime::ErrorKind;
use pipeline_runtime::private::{Asking, Patience, held};
use tokio::sync::{Notify, OnceCell};
use tokio_postgres::Config;

use super::config::{IntoConfig, at, completed, database};
use super::error::{ConnectError, ConnectErrorKind, Refused};
use super::line::Line;
use super::schema::{self, quoted};
use super::watch::{Bells, Watch};

/// Where the tables are, where nothing else is said.
const SCHEMA: &str = "brigade";
/// For how long a server is waited for, where nothing else is said.
const CONNECT_WITHIN: Duration = Duration::from_secs(30);

/// A PostgreSQL database: one handle for all that is in it.
///
/// | | | |
/// |---|---|---|
/// | [`queue`](Postgres::queue) | [`PostgresQueue`](crate::queue::PostgresQueue) | a queue; a database has any number of them, for any number of programs on any number of machines |
/// | [`table`](Postgres::table) | [`PostgresTable`](crate::sink::PostgresTable) | a sink of rows |
/// | [`letters`](Postgres::letters) | [`PostgresLetters`](crate::queue::PostgresLetters) | dead letters |
/// | `journal` (feature `journal`) | `PostgresJournal` | what `once` stages have made, on any machine |
///
/// Each is described by methods of its own, and then opened. Clones are the same handle.
///
/// # Connections
///
/// A handle has two connections, whatever is opened from it. On the one, messages are received and settled, their leases
/// are extended, and it hears (`LISTEN`) of what others have sent; no transaction is ever open there while something else
/// is waited for, so a lease is extended in time. On the other, messages are sent and rows are written. They are made when they are first
/// needed, and again when they are gone: whatever was asked for meanwhile is [away](pipeline_runtime::ErrorKind::Away),
/// and a pipeline asks again with growing pauses (100 ms to 3 s) for as long as it takes. They end with the last handle.
///
/// A connection is given up if nothing is answered for 35 seconds, and a machine that is gone is noticed after 30 to 60
/// seconds, unless the configuration says otherwise.
///
/// Connections are not encrypted: use a Unix socket, a private network or a tunnel. A configuration that requires TLS is an
/// error.
///
/// # Poolers
///
/// The connection that receives needs a server connection for itself. Behind a pooler that hands one out for each
/// transaction, say so with [`poll_only`](PostgresBuilder::poll_only).
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// # use pipeline_connectors as brigade;
/// use brigade::database::Postgres;
/// use brigade::queue::PostgresQueue;
///
/// let db = Postgres::connect("postgres://app:secret@db.example/work").await?;
/// let orders: PostgresQueue = db.queue("orders").open().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Postgres(Arc<Inner>);

struct Inner {
    /// Where it is, for messages.
    at: Arc<str>,
    database: String,
    /// Quoted.
    schema: Arc<str>,
    within: Duration,
    /// Where nothing waits for long.
    receiving: Arc<Line>,
    /// For transactions.
    transacting: Line,
    watch: Watch,
    /// What tells its tables from any others, when they are there.
    home: OnceCell<Arc<str>>,
}

impl Postgres {
    /// Connects to a database with the defaults of [`PostgresBuilder`]: to one such as
    /// `postgres://user:password@host:5432/database` or `host=/run/postgresql user=app dbname=work`, or to that of a
    /// `Config` of `tokio_postgres`.
    ///
    /// # Errors
    ///
    /// Those of [`PostgresBuilder::connect`].
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn connect(config: impl IntoConfig) -> Result<Self, ConnectError> {
        Self::at(config).connect().await
    }

    /// A database, to be described and connected to.
    pub fn at(config: impl IntoConfig) -> PostgresBuilder {
        PostgresBuilder {
            config: config.into_config(),
            schema: SCHEMA.to_owned(),
            within: CONNECT_WITHIN,
            poll_only: false,
        }
    }

    /// The SQL that makes the tables and functions in a schema of this name, for a role that may do so: then the role of
    /// the program needs no more than `USAGE` of the schema, and to read, write and execute what is in it. The schema has
    /// to be there.
    #[must_use]
    pub fn schema_sql(schema: &str) -> String {
        schema::sql(&quoted(schema))
    }

    /// Whether they are clones of one handle.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Where it is, for messages.
    pub(super) fn place(&self) -> &Arc<str> {
        &self.0.at
    }

    pub(super) fn database(&self) -> &str {
        &self.0.database
    }

    /// The schema of its tables, quoted.
    pub(super) fn schema(&self) -> &Arc<str> {
        &self.0.schema
    }

    pub(super) fn receiving(&self) -> &Line {
        &self.0.receiving
    }

    pub(super) fn transacting(&self) -> &Line {
        &self.0.transacting
    }

    pub(super) fn watch(&self) -> &Watch {
        &self.0.watch
    }

    /// Makes the tables if there are none. What tells them from any others.
    pub(super) async fn home(&self) -> Result<Arc<str>, Refused> {
        let prepare = async || {
            let home = schema::prepare(&self.0.transacting, &self.0.schema).await?;
            Ok(Arc::from(home))
        };
        self.0.home.get_or_try_init(prepare).await.cloned()
    }

    /// The same of a server that may have to be waited for.
    pub(super) async fn home_in_time(&self) -> Result<Arc<str>, ConnectError> {
        let patience = self.patience();
        let mut asking = patience.asking();
        loop {
            match held("the tables", self.home()).await {
                Ok(home) => {
                    asking.answered();
                    return Ok(home);
                }
                Err(refused) => self.pause(&mut asking, refused).await?,
            }
        }
    }

    /// One who is about to ask the server for something it may have to be waited for.
    pub(super) fn patience(&self) -> Patience {
        Patience::new(format!("PostgreSQL at {}", self.0.at))
    }

    /// Waits until it is worth to ask again.
    pub(super) async fn pause(
        &self,
        asking: &mut Asking<'_>,
        refused: Refused,
    ) -> Result<(), ConnectError> {
        let within = self.0.within;
        let kind = match refused {
            Refused::Failed(failed) if failed.kind == ErrorKind::Away && !failed.is_read_only() => {
                if asking.pause_within(&failed.said, Some(within)).await {
                    return Ok(());
                }
                ConnectErrorKind::Unreachable(within, failed.said)
            }
            Refused::Failed(failed) => failed.into_connect(),
            Refused::Because(kind) => kind,
        };
        Err(self.refused(kind))
    }

    pub(super) fn refused(&self, kind: ConnectErrorKind) -> ConnectError {
        ConnectError {
            at: self.0.at.to_string(),
            kind,
        }
    }

    /// Whether it answers, and can be worked with.
    async fn greet(&self) -> Result<(), Refused> {
        let ask = "SELECT current_setting('server_encoding')";
        let rows = self.0.transacting.query_alone(ask, &[]).await?;
        let encoding = rows.first().map(|row| row.try_get::<_, String>(0));
        match encoding.transpose()? {
            Some(encoding) if encoding == "UTF8" => Ok(()),
            other => {
                let kind = ConnectErrorKind::Encoding(other.unwrap_or_default());
                Err(Refused::Because(kind))
            }
        }
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Postgres").field(&self.0.at).finish()
    }
}

/// A database before it is connected to; [`Postgres::at`] makes it.
#[derive(Clone)]
#[must_use = "nothing is connected to before `connect`"]
pub struct PostgresBuilder {
    config: Result<Config, String>,
    schema: String,
    within: Duration,
    poll_only: bool,
}

impl PostgresBuilder {
    /// The schema that its tables are in: 1 to 63 bytes, without quotes, `$`, `{` and `\`. It is made if there is none. The default is `brigade`.
    pub fn schema(mut self, name: impl Into<String>) -> Self {
        self.schema = name.into();
        self
    }

    /// For how long [`connect`](Self::connect), and `open` of what is in it, wait for a server that does not answer, with
    /// growing pauses; a warning is logged when the waiting begins, and each minute. The default is 30 seconds.
    pub fn connect_within(mut self, time: Duration) -> Self {
        self.within = time;
        self
    }

    /// Does without `LISTEN`, for a pooler that hands out a connection for each transaction: what other programs send is
    /// found within a second. The pooler has to leave transactions READ COMMITTED, which is PostgreSQL's default.
    pub fn poll_only(mut self) -> Self {
        self.poll_only = true;
        self
    }

    /// Connects to it. No tables are made before something is opened.
    ///
    /// # Errors
    ///
    /// If the connection string cannot be read; if the server refuses the user, or has no such database; if the
    /// encoding of the database is another than UTF-8; if the server does not answer in time.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn connect(self) -> Result<Postgres, ConnectError> {
        let Self {
            schema,
            within,
            poll_only,
            ..
        } = self;
        let config = self.config.and_then(|config| check(config, &schema));
        let config = config.map_err(|problem| ConnectError {
            at: String::new(),
            kind: ConnectErrorKind::Configuration(problem),
        })?;
        let config = completed(config);
        let quoted: Arc<str> = quoted(&schema).into();
        let bells = Arc::new(Bells::default());
        let (setup, heard) = if poll_only {
            (String::new(), None)
        } else {
            let setup = format!("{SETUP}LISTEN {quoted};");
            (setup, Some(bells.heard()))
        };
        let receiving = Arc::new(Line::new(config.clone(), setup, heard));
        let db = Postgres(Arc::new(Inner {
            at: at(&config).into(),
            database: database(&config).to_owned(),
            schema: Arc::clone(&quoted),
            within,
            receiving: Arc::clone(&receiving),
            transacting: Line::new(config, String::new(), None),
            watch: Watch {
                bells,
                line: receiving,
                schema: quoted,
                channel: schema.into(),
                kick: Arc::new(Notify::new()),
            },
            home: OnceCell::new(),
        }));
        let patience = db.patience();
        let mut asking = patience.asking();
        while let Err(refused) = held("a database", db.greet()).await {
            db.pause(&mut asking, refused).await?;
        }
        asking.answered();
        Ok(db)
    }
}

/// What holds where messages are received, whatever the server's defaults are: groups need to see what is committed, and
/// nothing there waits for long.
const SETUP: &str = "
    SET default_transaction_isolation = 'read committed';
    SET lock_timeout = '2s';
    SET statement_timeout = '30s';
";

/// What a client would only find out later, or never.
fn check(config: Config, schema: &str) -> Result<Config, String> {
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        return Err("it names no host; add `host=…`, a name or the folder of a Unix socket".into());
    }
    // They stand in strings and bodies of functions, too.
    let unfit = ['\0', '\'', '"', '$', '{', '\\'];
    if schema.is_empty() || schema.len() > 63 || schema.contains(unfit) {
        return Err(format!(
            "`{}` is no name of a schema; it has 1 to 63 bytes, without quotes, `$`, `{{` and `\\`",
            schema.escape_debug()
        ));
    }
    Ok(config)
}

impl fmt::Debug for PostgresBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.config.as_ref().map(at);
        f.debug_struct("PostgresBuilder")
            .field("at", &at.unwrap_or_default())
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}
