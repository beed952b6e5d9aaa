//! A pooler in front of a server.

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::kept::Kept;
use super::system::User;
use crate::process::{free_port, log};

/// How long it may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// Debian's.
const PROGRAM: &str = "/usr/sbin/pgbouncer";

/// `PgBouncer`, which hands out a connection of the server for each transaction. Who connects to its database `pgbouncer` may
/// say `PAUSE` and `RESUME`. It ends when this is dropped, or with the process that made it.
#[derive(Debug)]
pub struct Pooler {
    kept: Kept,
    port: u16,
    password: String,
}

impl Pooler {
    /// In front of the server on this port, of one user.
    pub(super) fn start(server: u16, password: &str) -> Result<Self, String> {
        if !Path::new(PROGRAM).exists() {
            return Err("there is no pooler; install Debian's `pgbouncer`".into());
        }
        let error = |error: std::io::Error| format!("PgBouncer does not start: {error}");
        let name = format!("brigade-pooler-{:016x}", fastrand::u64(..));
        let home = std::env::temp_dir().join(name);
        fs::create_dir(&home).map_err(error)?;
        let (port, user) = (free_port()?, User::current()?);
        let (users, configuration) = (home.join("users"), home.join("pgbouncer.ini"));
        let text = format!(
            "[databases]\n* = host=127.0.0.1 port={server}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
            unix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {}\nadmin_users = postgres\npool_mode = transaction\n\
            max_client_conn = 500\ndefault_pool_size = 20\nserver_login_retry = 1\n",
            users.display()
        );
        let written = fs::write(&configuration, text);
        let written =
            written.and_then(|()| fs::write(&users, format!("\"postgres\" \"{password}\"\n")));
        let owned = written.map_err(error).and_then(|()| user.owns(&home));
        owned.inspect_err(|_| drop(fs::remove_dir_all(&home)))?;
        log("pgbouncer", port)?;
        let kept = Kept::new(&home, "pgbouncer.log", |words| {
            words.args(user.words()).arg(PROGRAM).arg(&configuration);
        });
        let pooler = Self {
            kept: kept.map_err(error)?,
            port,
            password: password.replace(' ', "%20"),
        };
        if pooler.starts() {
            Ok(pooler)
        } else {
            Err("PgBouncer does not start; its log is `servers/pgbouncer.log` in the target directory".into())
        }
    }

    /// How the superuser connects to a database.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let Self { port, password, .. } = self;
        format!("postgres://postgres:{password}@127.0.0.1:{port}/{database}")
    }

    /// Kills it at once.
    pub fn kill(&self) {
        self.kept.tell("kill");
    }

    /// Starts it again, and waits until it can be connected to.
    ///
    /// # Panics
    ///
    /// If it cannot within a minute.
    pub fn resume(&self) {
        assert!(self.starts(), "PgBouncer does not answer");
    }

    fn starts(&self) -> bool {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            self.kept.tell("start");
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return true;
            }
            sleep(Duration::from_millis(20));
        }
        false
    }
}
