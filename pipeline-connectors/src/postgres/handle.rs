//! A database, connected to once for all that is in it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use pipeline_runtime::ErrorKind;
use pipeline_runtime::private::{Asking, Patience, held};
use tokio::sync::{Notify, OnceCell};
use tokio_postgres::Config;

use super::access::Access;
use super::config::{at, database, noticing};
use super::error::{ConnectError, ConnectErrorKind, Refused};
use super::line::Line;
use super::schema::{self, quoted};
use super::watch::{Bells, Watch};

/// What holds where messages are received, whatever the server's defaults are: groups need to see what is committed, and
/// nothing there waits for long.
const SETUP: &str = "
    SET default_transaction_isolation = 'read committed';
    SET lock_timeout = '2s';
    SET statement_timeout = '30s';
";

/// A PostgreSQL database: one handle for all that is in it.
///
/// | | | |
/// |---|---|---|
/// | [`queue`](Postgres::queue) | [`PostgresQueue`](crate::queue::PostgresQueue) | a queue; a database has any number of them, for any number of programs on any number of machines |
/// | [`table`](Postgres::table) | [`PostgresTable`](crate::sink::PostgresTable) | a sink of rows |
/// | [`rows`](Postgres::rows) | [`PostgresRows`](crate::source::PostgresRows) | a source: the rows of a table, or what a query returns |
/// | [`letters`](Postgres::letters) | [`PostgresLetters`](crate::queue::PostgresLetters) | dead letters |
/// | `control` (feature `service`) | `PostgresControl` | what all instances of a service are told |
/// | `broadcast` (feature `service`) | `Broadcast` | events that all programs hear, on any machine |
/// | `leases`, `schedules` (feature `service`) | `PostgresLeases`, `PostgresSchedules` | who of several programs leads, and which ticks are done, on any machine |
/// | `journal` (feature `journal`) | `PostgresJournal` | what `once` stages have made, on any machine |
///
/// Each is described by methods of its own, and then opened. Clones are the same handle.
///
/// # Connections
///
/// A handle has two connections, whatever is opened from it, and a third for leases and schedules; each reader of
/// [`rows`](Postgres::rows) has one of its own while it reads. On the one, messages are received and settled, their leases
/// are extended, and it hears (`LISTEN`) of what others have sent; no transaction is ever open there while something else
/// is waited for, so a lease is extended in time. On the other, messages are sent and rows are written. They are made when they are first
/// needed, and again when they are gone: whatever was asked for meanwhile is [away](pipeline_runtime::ErrorKind::Away),
/// and a pipeline asks again with growing pauses (100 ms to 3 s) for as long as it takes. They end with the last handle.
///
/// A connection is given up if nothing is answered for 35 seconds, and a machine that is gone is noticed after 30 to 60
/// seconds, unless the configuration says otherwise; the server is told to notice by the same times that the machine of the
/// program is gone, and keeps neither its connections nor the locks of its transactions for longer. A program that was cut
/// off goes on by itself when the network does.
///
/// # Standbys
///
/// Where a standby may take the server's place, name both, and ask for the one that may be written:
/// `postgres://app@one.example,two.example/work?target_session_attrs=read-write`. Programs go on there by themselves. With
/// synchronous replication nothing is lost that was sent, acknowledged or written; without it, what the standby had not heard
/// of has not happened: messages that were acknowledged come again.
///
/// # Encryption
///
/// With the feature `postgres-tls` connections are encrypted by rustls, TLS 1.2 and 1.3, as `sslmode` and `sslrootcert` say
/// in the words of libpq: across a network that is not yours alone, write `sslmode=verify-full`. `require` keeps out those
/// who only listen, not those who stand in between; `prefer`, the default, may leave connections plain. See
/// [`SslMode`](crate::database::SslMode) for what each means. What is not as in libpq:
///
/// - `verify-full` without `sslrootcert` trusts the CAs of the system; there is no folder `~/.postgresql`.
/// - `sslmode=allow` is an error, and so are an `sslrootcert` beside `prefer`, certificates of clients, lists of revoked ones,
///   and all options of libpq that are not there: the message names the option, and says what to do.
/// - The name has to stand in the server's certificate as a `subjectAltName`.
///
/// A connection that cannot be encrypted as is wanted is an error that ends the source; one that breaks off meanwhile is away.
/// Without the feature, what `prefer` means is plain, and more than that is an error that names the feature. Through a Unix
/// socket nothing is encrypted.
///
/// # Passwords
///
/// No message, name or `Debug` has a password in it. Where passwords are changed while programs run, let each connection ask for one: [`Postgres::connect_with`].
///
/// # Poolers
///
/// The connection that receives needs a server connection for itself. Behind a pooler that hands one out for each
/// transaction, say so with [`poll_only`](crate::database::PostgresBuilder::poll_only).
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
    /// For leases, which nothing else may hold up.
    #[cfg(feature = "service")]
    leasing: Line,
    watch: Watch,
    /// What tells its tables from any others, when they are there.
    home: OnceCell<Arc<str>>,
}

/// What is said of a handle before it is there.
pub(super) struct Opening {
    pub(super) access: Arc<Access>,
    pub(super) schema: String,
    pub(super) within: Duration,
    pub(super) poll_only: bool,
}

impl Postgres {
    /// A handle whose connections are not made yet.
    pub(super) fn new(opening: Opening, config: &Config) -> Self {
        let Opening {
            access,
            schema,
            within,
            poll_only,
        } = opening;
        let quoted: Arc<str> = quoted(&schema).into();
        let bells = Arc::new(Bells::default());
        // What is set in a connection of a pooler is set for others, too.
        let noticing = if poll_only {
            String::new()
        } else {
            noticing(config)
        };
        let (setup, heard) = if poll_only {
            (String::new(), None)
        } else {
            let setup = format!("{noticing}{SETUP}LISTEN {quoted};");
            (setup, Some(bells.heard()))
        };
        let receiving = Arc::new(Line::new(Arc::clone(&access), setup, heard));
        #[cfg(feature = "service")]
        let leasing = Line::new(Arc::clone(&access), noticing.clone(), None);
        Self(Arc::new(Inner {
            at: at(config).into(),
            database: database(config).to_owned(),
            schema: Arc::clone(&quoted),
            within,
            receiving: Arc::clone(&receiving),
            transacting: Line::new(access, noticing, None),
            #[cfg(feature = "service")]
            leasing,
            watch: Watch {
                bells,
                line: receiving,
                schema: quoted,
                channel: schema.into(),
                kick: Arc::new(Notify::new()),
            },
            home: OnceCell::new(),
        }))
    }

    /// The SQL that makes the tables and functions in a schema of this name, for a role that may do so: then the role of
    /// the program needs no more than `USAGE` of the schema, and to read, write and execute what is in it. The schema has
    /// to be there.
    #[must_use]
    pub fn schema_sql(schema: &str) -> String {
        schema::sql(&quoted(schema))
    }

    /// The SQL that adds to the tables and functions in a schema of this name, which an earlier version of brigade has made,
    /// what this one needs: for a role that may do so, before programs whose role may not are replaced. Where it may,
    /// whatever is opened first does it. Programs of the earlier version go on with what is there, and so do those of this
    /// one with what a later one has added; of another major version nothing is changed, and nothing is opened. Neither is
    /// anything where the tables are as new as this version, or newer: it may be run again, and by an older program. Tables
    /// that are added need the same grants as those that are there.
    #[must_use]
    pub fn upgrade_sql(schema: &str) -> String {
        schema::upgrade_sql(&quoted(schema))
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

    #[cfg(feature = "service")]
    pub(super) fn leasing(&self) -> &Line {
        &self.0.leasing
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
    pub(super) async fn greet(&self) -> Result<(), Refused> {
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
