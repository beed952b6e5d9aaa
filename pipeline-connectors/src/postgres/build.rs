//! Which database, and how it is connected to.

use std::fmt::{self, Display};
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pipeline_runtime::private::{Patience, held};

use super::access::{Access, From, Source, Unasked};
use super::config::{IntoConfig, Said, Target, at};
use super::encryption::{Ssl, SslMode};
use super::error::{ConnectError, ConnectErrorKind};
use super::handle::{Opening, Postgres};

/// Where the tables are, where nothing else is said.
const SCHEMA: &str = "brigade";
/// For how long a server is waited for, where nothing else is said.
const CONNECT_WITHIN: Duration = Duration::from_secs(30);

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

    /// Connects to a database, and asks `configure` how for each connection: for passwords that are changed while the
    /// program runs, or are good for minutes only. The defaults are those of [`PostgresBuilder`];
    /// [`at_with`](Self::at_with) begins with others.
    ///
    /// A handle has two connections. It asks once for each, and again when one has to be made anew. What it is given has to
    /// lead to the same database; names and messages are by the first. An answer is waited for for 35 seconds.
    ///
    /// If `configure` fails or panics, the database is [away](pipeline_runtime::ErrorKind::Away), and it is asked again with
    /// growing pauses, as for a server that does not answer. So it is if the server refuses the password of a connection
    /// that is made anew: a change may have reached the server before those who are asked, or after. What `configure` says
    /// of an error stands in messages: it must have no password in it.
    ///
    /// # Errors
    ///
    /// Those of [`PostgresBuilder::connect`].
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # use pipeline_connectors as brigade;
    /// use brigade::database::Postgres;
    ///
    /// // The file of a secret that is mounted into a container, say.
    /// let db = Postgres::connect_with(async || {
    ///     let password = tokio::fs::read("/run/secrets/work").await?;
    ///     let mut config = tokio_postgres::Config::new();
    ///     config.host("db.example").user("app").dbname("work").password(password.trim_ascii_end());
    ///     Ok::<_, std::io::Error>(config)
    /// })
    /// .await?;
    /// # let _ = db;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn connect_with<F, Fut, C, E>(configure: F) -> Result<Self, ConnectError>
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<C, E>> + Send + 'static,
        C: IntoConfig,
        E: Display,
    {
        Self::at_with(configure).connect().await
    }

    /// A database, to be described and connected to.
    pub fn at(config: impl IntoConfig) -> PostgresBuilder {
        PostgresBuilder::new(From::Said(Box::new(config.into_config())))
    }

    /// A database to be described and connected to, which is asked for at each connection, as
    /// [`connect_with`](Self::connect_with) does.
    pub fn at_with<F, Fut, C, E>(configure: F) -> PostgresBuilder
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<C, E>> + Send + 'static,
        C: IntoConfig,
        E: Display,
    {
        PostgresBuilder::new(From::asking(configure))
    }
}

/// A database before it is connected to; [`Postgres::at`] makes it.
#[derive(Clone)]
#[must_use = "nothing is connected to before `connect`"]
pub struct PostgresBuilder {
    source: Source,
    schema: String,
    within: Duration,
    poll_only: bool,
}

impl PostgresBuilder {
    fn new(from: From) -> Self {
        let ssl = Ssl::default();
        Self {
            source: Source { from, ssl },
            schema: SCHEMA.to_owned(),
            within: CONNECT_WITHIN,
            poll_only: false,
        }
    }

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

    /// How far connections are protected, whatever the configuration says of it: for a `Config` of `tokio_postgres`, which
    /// cannot say `verify-full`. The default is what the configuration says, or [`SslMode::Prefer`].
    pub fn sslmode(mut self, mode: SslMode) -> Self {
        self.source.ssl.mode = Some(mode);
        self
    }

    /// The file of the certificates, in PEM, of the CAs that may have signed that of the server, or `system` for those that
    /// the system trusts, whatever the configuration says of it. It is read for each connection.
    pub fn sslrootcert(mut self, file: impl Into<PathBuf>) -> Self {
        self.source.ssl.roots = Some(file.into());
        self
    }

    /// Connects to it. No tables are made before something is opened.
    ///
    /// # Errors
    ///
    /// If the connection string cannot be read, or what is asked for one has none in time; if the server refuses the user,
    /// or has no such database; if it cannot be encrypted as is wanted; if the
    /// encoding of the database is another than UTF-8; if the server does not answer in time.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn connect(self) -> Result<Postgres, ConnectError> {
        let refused = |kind| ConnectError {
            at: String::new(),
            kind,
        };
        check(&self.schema).map_err(|problem| refused(ConnectErrorKind::Configuration(problem)))?;
        let target = self.target().await.map_err(refused)?;
        let Self {
            source,
            schema,
            within,
            poll_only,
        } = self;
        let config = target.config.clone();
        let opening = Opening {
            access: Arc::new(Access::new(source, target)),
            schema,
            within,
            poll_only,
        };
        let db = Postgres::new(opening, &config);
        let patience = db.patience();
        let mut asking = patience.asking();
        while let Err(refused) = held("a database", db.greet()).await {
            db.pause(&mut asking, refused).await?;
        }
        asking.answered();
        Ok(db)
    }

    /// The first one, which may have to be waited for.
    async fn target(&self) -> Result<Target, ConnectErrorKind> {
        let patience = Patience::new("the configuration of PostgreSQL");
        let mut asking = patience.asking();
        loop {
            match held("a database", self.source.target()).await {
                Ok(target) => {
                    asking.answered();
                    return Ok(target);
                }
                Err(Unasked::Wrong(problem)) => {
                    return Err(ConnectErrorKind::Configuration(problem));
                }
                Err(Unasked::Away(said)) => {
                    if !asking.pause_within(&said, Some(self.within)).await {
                        return Err(ConnectErrorKind::Unconfigured(self.within, said));
                    }
                }
            }
        }
    }
}

/// What the server would only find out later, or never.
fn check(schema: &str) -> Result<(), String> {
    // They stand in strings and bodies of functions, too.
    let unfit = ['\0', '\'', '"', '$', '{', '\\'];
    if schema.is_empty() || schema.len() > 63 || schema.contains(unfit) {
        return Err(format!(
            "`{}` is no name of a schema; it has 1 to 63 bytes, without quotes, `$`, `{{` and `\\`",
            schema.escape_debug()
        ));
    }
    Ok(())
}

impl fmt::Debug for PostgresBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = match &self.source.from {
            From::Said(said) => {
                let at = |said: &Said| at(&said.config);
                (**said).as_ref().map(at).unwrap_or_default()
            }
            From::Asked(_) => "asked for at each connection".into(),
        };
        f.debug_struct("PostgresBuilder")
            .field("at", &at)
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}
