//! Where a database is, and how it is reached.

use std::fmt::Write as _;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::Host;

use super::encryption::{Encryption, Ssl};
use super::words::Words;

/// For how long a connection is waited for, where nothing else is said.
const CONNECT: Duration = Duration::from_secs(10);
/// A connection on which nothing is heard for so long is asked whether it is there.
const IDLE: Duration = Duration::from_secs(30);

/// What [`Postgres::connect`](crate::database::Postgres::connect) takes: a `Config` of `tokio_postgres`, or a string
/// such as `postgres://user:password@host:5432/database?sslmode=verify-full` or
/// `host=/run/postgresql user=app dbname=work`.
///
/// A string may have the options of [`Config`]'s own, and `sslmode` and `sslrootcert` as libpq has them
/// ([`SslMode`](crate::database::SslMode)). Other options of libpq are refused by name; its environment variables and its
/// folder `~/.postgresql` are not looked at.
pub trait IntoConfig: sealed::Sealed {
    /// The configuration, or why the string is none. A message never quotes it: there may be a password in it.
    #[doc(hidden)]
    fn into_config(self) -> Result<Said, String>;
}

/// A configuration, and what is said beside it.
#[derive(Debug, Clone)]
pub struct Said {
    pub(super) config: Config,
    pub(super) ssl: Ssl,
}

/// A configuration that is complete.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) config: Config,
    #[cfg_attr(
        not(feature = "postgres-tls"),
        expect(dead_code, reason = "then it is none")
    )]
    pub(super) encryption: Encryption,
}

impl IntoConfig for Config {
    fn into_config(self) -> Result<Said, String> {
        let ssl = Ssl::of_client(&self);
        Ok(Said { config: self, ssl })
    }
}

impl IntoConfig for &Config {
    fn into_config(self) -> Result<Said, String> {
        self.clone().into_config()
    }
}

impl IntoConfig for &str {
    fn into_config(self) -> Result<Said, String> {
        let words = Words::of(self)?;
        let ssl = Ssl::of_words(words.sslmode.as_deref(), words.sslrootcert)?;
        let config = words.rest.parse().map_err(|error| unreadable(&error))?;
        if is_cut_in_a_password(self, &config) {
            return Err(how_to_write(""));
        }
        Ok(Said { config, ssl })
    }
}

impl IntoConfig for String {
    fn into_config(self) -> Result<Said, String> {
        self.as_str().into_config()
    }
}

impl IntoConfig for &String {
    fn into_config(self) -> Result<Said, String> {
        self.as_str().into_config()
    }
}

/// Of what is wrong only the name of a known option is told: any other part may be one of a password.
fn unreadable(error: &tokio_postgres::Error) -> String {
    let why = std::error::Error::source(error).map(ToString::to_string);
    let option = why
        .as_deref()
        .and_then(|why| why.strip_prefix("invalid value for option "));
    how_to_write(&option.map_or_else(String::new, |option| format!(", {option} of it")))
}

/// A URL is cut at its first `@`: one that stands in a password makes the rest of that a part of the host, or of the name of
/// the database, which are shown.
fn is_cut_in_a_password(text: &str, config: &Config) -> bool {
    let in_host = |host: &Host| matches!(host, Host::Tcp(name) if name.contains('@'));
    let in_database = config.get_dbname().is_some_and(|name| name.contains('@'));
    // In the other form what belongs to a value is told by quotes.
    text.contains("://") && (in_database || config.get_hosts().iter().any(in_host))
}

fn how_to_write(option: &str) -> String {
    format!(
        "the connection string cannot be read{option}; write it as `postgres://user:password@host:5432/database`, special characters as `%40`, or as `host=… user=… password='…' dbname=…`"
    )
}

impl Said {
    /// Complete, with what is said beside it; or what a client would only find out later, or never.
    pub(super) fn with(self, ssl: &Ssl) -> Result<Target, String> {
        let mut config = self.config;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(
                "it names no host; add `host=…`, a name or the folder of a Unix socket".into(),
            );
        }
        let encryption = self.ssl.but(ssl).apply(&mut config)?;
        let config = completed(config);
        Ok(Target { config, encryption })
    }
}

/// The same with what it does not say.
fn completed(mut config: Config) -> Config {
    if config.get_application_name().is_none() {
        config.application_name("brigade");
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT);
    }
    // A machine that is gone says nothing: without this its connections are waited for for hours.
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(IDLE);
    }
    if config.get_keepalives() && config.get_keepalives_interval().is_none() {
        config
            .keepalives_idle(config.get_keepalives_idle().min(IDLE))
            .keepalives_interval(CONNECT)
            .keepalives_retries(3);
    }
    config
}

/// What is set in each connection so that the server, too, notices a program whose machine is gone, by the same times. Its
/// own are hours, and until then it keeps the connection, of which it has not many, and all that this holds.
pub(super) fn noticing(config: &Config) -> String {
    let mut sql = String::new();
    let mut set = |name: &str, value: Option<u128>| {
        if let Some(value) = value {
            let written = write!(sql, "SET {name} = {value}; ");
            debug_assert!(written.is_ok(), "a string takes all that is written");
        }
    };
    // 0 stands for that of the system.
    let whole = |time: &Duration| u128::from(time.as_secs().clamp(1, 32_767));
    let user_timeout = config.get_tcp_user_timeout().map(Duration::as_millis);
    set(
        "tcp_user_timeout",
        user_timeout.filter(|millis| *millis <= 0x7fff_ffff),
    );
    if config.get_keepalives() {
        let interval = config.get_keepalives_interval();
        let retries = config.get_keepalives_retries();
        set(
            "tcp_keepalives_idle",
            Some(whole(&config.get_keepalives_idle())),
        );
        set("tcp_keepalives_interval", interval.as_ref().map(whole));
        set(
            "tcp_keepalives_count",
            retries.map(|retries| u128::from(retries.min(127))),
        );
    }
    sql
}

/// Where it is, for messages: all but the password.
pub(super) fn at(config: &Config) -> String {
    let mut text = String::new();
    let ports = config.get_ports();
    for (index, host) in config.get_hosts().iter().enumerate() {
        let port = ports.get(index).or(ports.last()).copied().unwrap_or(5432);
        let comma = if index > 0 { ", " } else { "" };
        let written = match host {
            Host::Tcp(name) => write!(text, "{comma}{name}:{port}"),
            #[cfg(unix)]
            Host::Unix(path) => write!(text, "{comma}{}/.s.PGSQL.{port}", path.display()),
        };
        debug_assert!(written.is_ok(), "a string takes all that is written");
    }
    if text.is_empty() {
        let addresses = config.get_hostaddrs().iter().map(ToString::to_string);
        text = addresses.collect::<Vec<_>>().join(", ");
    }
    let database = database(config);
    let user = config.get_user().unwrap_or("that of the process");
    format!("{text} (database `{database}`, user `{user}`)")
}

/// The name of the database, for names.
pub(super) fn database(config: &Config) -> &str {
    let named = config.get_dbname().or(config.get_user());
    named.unwrap_or("that of the user")
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for tokio_postgres::Config {}
    impl Sealed for &tokio_postgres::Config {}
    impl Sealed for &str {}
    impl Sealed for String {}
    impl Sealed for &String {}
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKER: &str = "geheim";

    #[test]
    fn what_is_wrong_with_a_connection_string_is_told_without_the_password() {
        for text in [
            "postgres://app:geheim@host:geheim/work",
            "postgres://app:ge@geheim@host/work",
            "postgres://app:ge@x/geheim@host/work",
            "postgresql://app:ge@host,geheim@other/work",
            "host=127.0.0.1 password=ge geheim",
            "host=127.0.0.1 password='geheim",
            "host=127.0.0.1 geheim=1",
            "host=127.0.0.1 port=geheim",
            "geheim",
        ] {
            let problem = text.into_config().expect_err(text);
            assert!(!problem.contains(MARKER), "{problem}");
            assert!(problem.contains("postgres://user"), "{problem}");
        }
        let port = "host=a port=x".into_config().unwrap_err();
        assert!(port.contains("`port`"), "{port}");
    }

    #[test]
    fn the_server_notices_a_machine_that_is_gone_by_the_times_of_the_program() {
        let setup = |text: &str| {
            let said = text.into_config().unwrap();
            noticing(&said.with(&Ssl::default()).unwrap().config)
        };
        assert_eq!(
            setup("host=a user=b"),
            "SET tcp_user_timeout = 30000; SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3; "
        );
        let own = "host=a user=b tcp_user_timeout=5 keepalives_idle=7 keepalives_interval=2 keepalives_retries=4";
        assert_eq!(
            setup(own),
            "SET tcp_user_timeout = 5000; SET tcp_keepalives_idle = 7; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 4; "
        );
        let none = setup("host=a user=b keepalives=0 tcp_user_timeout=1");
        assert_eq!(none, "SET tcp_user_timeout = 1000; ");
    }

    #[test]
    fn where_a_database_is_does_not_tell_the_password() {
        let config = "postgres://app:geheim@db.example:6432/work";
        let config = config.into_config().unwrap().config;
        let at = at(&config);
        assert_eq!(at, "db.example:6432 (database `work`, user `app`)");
        assert!(!format!("{config:?}").contains(MARKER));
    }
}
