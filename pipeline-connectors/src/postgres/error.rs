//! What goes wrong with a database.

use std::error::Error as _;
use std::fmt;
use std::io;
use std::time::Duration;

use pipeline_runtime::ErrorKind;
#[cfg(feature = "journal")]
use pipeline_runtime::journal::JournalError;
use pipeline_runtime::queue::QueueError;
use tokio_postgres::error::{DbError, SqlState};

/// A database that could not be connected to, or something in it that could not be opened.
#[derive(Debug)]
#[non_exhaustive]
pub struct ConnectError {
    /// Where it is: host, port, database and user, and never a password.
    pub at: String,
    /// What is wrong, and what to do.
    pub kind: ConnectErrorKind,
}

/// Why a database could not be connected to, or something in it not be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectErrorKind {
    /// The connection string is none, or the configuration makes no sense.
    Configuration(String),
    /// What [`Postgres::connect_with`](crate::database::Postgres::connect_with) asks had no configuration for that long; and
    /// in whose words, the last time.
    Unconfigured(Duration, String),
    /// It did not answer for that long; and in whose words, the last time.
    Unreachable(Duration, String),
    /// The connection cannot be encrypted as [`SslMode`](crate::database::SslMode) says, or the certificate of the server is
    /// not accepted: what is wrong, and what to do.
    Encryption(String),
    /// The server does not let this user in: in its words.
    Credentials(String),
    /// The server has no such database.
    NoDatabase,
    /// The user may not do what is needed: in the server's words.
    Rights(String),
    /// The database, or this user, may only read.
    ReadOnly,
    /// Text of the database is in another encoding than UTF-8.
    Encoding(String),
    /// The tables there were made by another version of brigade.
    Version {
        /// The major version that is there.
        found: i32,
        /// The one that this program knows.
        known: i32,
    },
    /// The tables there were made by an earlier version of brigade, and this user may not add what this one needs.
    Older {
        /// The version that is there, major and minor.
        found: (i32, i32),
        /// The one that this program needs.
        known: (i32, i32),
    },
    /// It holds a queue of other bodies, `text` or `bytes`.
    Bodies(String),
    /// A table is not as it is described.
    Table {
        /// The table.
        table: String,
        /// What does not fit.
        problem: String,
    },
    /// Rows cannot be read as they are described.
    Rows {
        /// The table, or what the rows of a query are called.
        rows: String,
        /// What does not fit, and what to do.
        problem: String,
    },
    /// A table is opened from another handle than what is settled with its rows.
    Elsewhere {
        /// The table.
        table: String,
        /// From which it is not.
        problem: String,
    },
    /// Something else, in the server's words or ours.
    Other(String),
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, kind } = self;
        match kind {
            kind @ (ConnectErrorKind::Configuration(_) | ConnectErrorKind::Unconfigured(..)) => {
                write!(f, "cannot connect to PostgreSQL: {kind}")
            }
            ConnectErrorKind::Table { table, problem } => write!(
                f,
                "cannot write to the table `{table}` of PostgreSQL at {at}: {problem}; describe the table as it is, or choose another name"
            ),
            ConnectErrorKind::Rows { rows, problem } => write!(
                f,
                "cannot read the rows `{rows}` of PostgreSQL at {at}: {problem}"
            ),
            ConnectErrorKind::Elsewhere { table, problem } => write!(
                f,
                "cannot settle with the table `{table}` of PostgreSQL at {at}: {problem}"
            ),
            kind => write!(f, "cannot use PostgreSQL at {at}: {kind}"),
        }
    }
}

impl fmt::Display for ConnectErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configuration(said) | Self::Encryption(said) | Self::Other(said) => {
                f.write_str(said)
            }
            Self::Unconfigured(waited, said) => write!(
                f,
                "it is not told how to for {waited:?}: {said}; see to what `connect_with` asks, or raise `connect_within`"
            ),
            Self::Unreachable(waited, said) => write!(
                f,
                "it has not answered for {waited:?}: {said}; start the server, correct host and port, or raise `connect_within`"
            ),
            Self::Credentials(said) => {
                write!(
                    f,
                    "{said}; correct the user or the password, or `pg_hba.conf`"
                )
            }
            Self::NoDatabase => {
                f.write_str("there is no such database; make it with `createdb`, or name another")
            }
            Self::Rights(said) => write!(
                f,
                "{said}; grant it, or let a user who may run what `Postgres::schema_sql` returns, and grant what is in there"
            ),
            Self::ReadOnly => f.write_str(
                "it may only be read; connect to the primary server, or as a user who may write",
            ),
            Self::Encoding(encoding) => write!(
                f,
                "its encoding is {encoding}; make a database with the encoding UTF8"
            ),
            Self::Version { found, known } => write!(
                f,
                "its tables are of version {found}, and this program knows version {known}; let the program that made them finish its messages, or choose another `schema`"
            ),
            Self::Older { found, known } => write!(
                f,
                "its tables are of version {}.{}, this program needs {}.{}, and its user may not change them; let one who may run what `Postgres::upgrade_sql` returns: programs that use the tables go on meanwhile",
                found.0, found.1, known.0, known.1
            ),
            Self::Bodies(holds) => write!(
                f,
                "the bodies of its queue are {holds}; open it with the type of those who send to it, or choose another name"
            ),
            Self::Rows { rows, problem } => write!(f, "rows `{rows}`: {problem}"),
            Self::Table { table, problem } | Self::Elsewhere { table, problem } => {
                write!(f, "table `{table}`: {problem}")
            }
        }
    }
}

impl std::error::Error for ConnectError {}

/// Why something that was asked of the server was not done.
#[derive(Debug, Clone)]
pub(super) struct Failed {
    pub(super) kind: ErrorKind,
    pub(super) code: Option<SqlState>,
    pub(super) said: String,
    /// It is of the encryption that is wanted.
    pub(super) encryption: bool,
}

impl Failed {
    /// No answer, of which nothing more is known.
    pub(super) fn away(said: impl Into<String>) -> Self {
        Self {
            kind: ErrorKind::Away,
            code: None,
            said: said.into(),
            encryption: false,
        }
    }

    /// What is wrong on this side, and stays so.
    pub(super) fn ours(said: String) -> Self {
        Self {
            kind: ErrorKind::Closed,
            code: None,
            said,
            encryption: false,
        }
    }

    /// It cannot be encrypted as is wanted.
    #[cfg(feature = "postgres-tls")]
    pub(super) fn of_encryption(said: String) -> Self {
        Self {
            encryption: true,
            ..Self::ours(said)
        }
    }

    /// The server does not let this user in.
    pub(super) fn is_of_credentials(&self) -> bool {
        let code = self.code.as_ref().map(SqlState::code);
        code.is_some_and(|code| code.starts_with("28"))
    }

    pub(super) fn is_read_only(&self) -> bool {
        self.code == Some(SqlState::READ_ONLY_SQL_TRANSACTION)
    }

    /// A value is not one of its type.
    pub(super) fn is_of_data(&self) -> bool {
        let code = self.code.as_ref().map(SqlState::code);
        code.is_some_and(|code| code.starts_with("22"))
    }

    /// For a connection error. What it says of the place is what `ConnectError` begins with.
    pub(super) fn into_connect(self) -> ConnectErrorKind {
        let Self {
            code,
            said,
            encryption,
            ..
        } = self;
        let class = code.as_ref().map(|code| &code.code()[..2]);
        match (class, &code) {
            _ if encryption => ConnectErrorKind::Encryption(said),
            (Some("28"), _) => ConnectErrorKind::Credentials(said),
            (Some("3D"), _) => ConnectErrorKind::NoDatabase,
            (_, Some(SqlState::INSUFFICIENT_PRIVILEGE)) => ConnectErrorKind::Rights(said),
            (_, Some(SqlState::READ_ONLY_SQL_TRANSACTION)) => ConnectErrorKind::ReadOnly,
            _ => ConnectErrorKind::Other(said),
        }
    }

    pub(super) fn into_queue(self, at: &str) -> QueueError {
        let Self { kind, said, .. } = self;
        QueueError::new(kind, format!("PostgreSQL at {at}: {said}"))
    }

    #[cfg(feature = "journal")]
    pub(super) fn into_journal(self, at: &str) -> JournalError {
        let Self { kind, said, .. } = self;
        JournalError::new(kind, format!("PostgreSQL at {at}: {said}"))
    }
}

/// Why something cannot be opened.
#[derive(Debug)]
pub(super) enum Refused {
    Failed(Failed),
    Because(ConnectErrorKind),
}

impl From<Failed> for Refused {
    fn from(failed: Failed) -> Self {
        Self::Failed(failed)
    }
}

impl From<tokio_postgres::Error> for Refused {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Failed(Failed::from(&error))
    }
}

impl From<&tokio_postgres::Error> for Failed {
    fn from(error: &tokio_postgres::Error) -> Self {
        let encryption = is_of_encryption(error);
        let said = match error.as_db_error() {
            Some(db) => said(db),
            None if encryption => said_of_encryption(error),
            None => causes(error),
        };
        Self {
            kind: kind(error),
            code: error.code().cloned(),
            said,
            encryption,
        }
    }
}

/// What an error says of what was asked, and of what comes after it.
fn kind(error: &tokio_postgres::Error) -> ErrorKind {
    match error.code() {
        Some(code) => kind_of(code),
        // The program's own mistake, or a server that wants what this client does not have.
        None if is_ours(error) && !is_cut_off(error) => ErrorKind::Closed,
        None => ErrorKind::Away,
    }
}

/// By the class of its SQLSTATE.
fn kind_of(code: &SqlState) -> ErrorKind {
    match &code.code()[..2] {
        // No connection, a standby that may become the primary, rolled back in favour of others, no resources, a lock, an
        // operator, the system.
        "08" | "25" | "40" | "53" | "55" | "57" | "58" => ErrorKind::Away,
        // Data, a constraint, a limit of what a row may be; a key that is there twice; what a trigger or a view refuses.
        "22" | "23" | "54" | "21" | "27" | "44" | "P0" => ErrorKind::Refused,
        _ => ErrorKind::Closed,
    }
}

/// Errors of configuration and of authentication on this side: they say so and nothing else tells them from others.
fn is_ours(error: &tokio_postgres::Error) -> bool {
    let said = error.to_string();
    [
        "configuration",
        "authentication",
        "TLS",
        "serializing",
        "deserializing",
        "column",
    ]
    .iter()
    .any(|part| said.contains(part))
}

fn is_of_encryption(error: &tokio_postgres::Error) -> bool {
    error.to_string().contains("TLS handshake")
}

/// While it was agreed upon how to encrypt, the connection was lost.
fn is_cut_off(error: &tokio_postgres::Error) -> bool {
    let cause = error
        .source()
        .and_then(|cause| cause.downcast_ref::<io::Error>());
    let bad = [io::ErrorKind::InvalidData, io::ErrorKind::InvalidInput];
    is_of_encryption(error) && cause.is_some_and(|cause| !bad.contains(&cause.kind()))
}

/// What is wrong with the encryption that is wanted, and what to do.
fn said_of_encryption(error: &tokio_postgres::Error) -> String {
    let said = causes(error);
    #[cfg(feature = "postgres-tls")]
    if let Some(cause) = error
        .source()
        .and_then(|cause| cause.downcast_ref::<io::Error>())
        && let Some(told) = super::tls::told(cause)
    {
        return told;
    }
    if said.contains("does not support TLS") {
        let advice = "switch it on there (`ssl = on`), or, on a network that is yours alone, write `sslmode=disable`";
        return format!("the server does not support TLS; {advice}");
    }
    if said.contains("no hostname") {
        return "its certificate cannot be looked at without a name; add `host=…` to `hostaddr`"
            .into();
    }
    said
}

/// The server's own words.
fn said(error: &DbError) -> String {
    let mut said = error.message().to_owned();
    for more in [error.detail(), error.hint()].into_iter().flatten() {
        said.push_str(": ");
        said.push_str(more.trim_end_matches('.'));
    }
    format!("{said} ({})", error.code().code())
}

/// What the client wraps, innermost last.
fn causes(error: &tokio_postgres::Error) -> String {
    let mut said = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !said.contains(&text) {
            said = format!("{said}: {text}");
        }
        next = cause.source();
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_away_and_what_does_not_is_not() {
        let kinds = |codes: &[&str], expected| {
            for code in codes {
                assert_eq!(kind_of(&SqlState::from_code(code)), expected, "{code}");
            }
        };
        let passes = [
            "08006", "40001", "40P01", "53300", "53100", "55P03", "57P01", "57P03", "57014",
            "25006",
        ];
        kinds(&passes, ErrorKind::Away);
        let lasts = ["42P01", "42501", "28P01", "3D000", "3F000", "0A000"];
        kinds(&lasts, ErrorKind::Closed);
        kinds(
            &["22021", "22P05", "23505", "21000", "54000", "P0001"],
            ErrorKind::Refused,
        );
    }
}
