//! PostgreSQL, with a data directory of its own.

mod kept;
mod pooler;
mod standby;
mod system;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use self::kept::Kept;
pub use self::pooler::Pooler;
use self::system::{User, programs};
use crate::network::Host;
use crate::or_skip;
use crate::process::{free_port, log};

/// How long the server may take to start, or to stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// The superuser's password. Every connection needs one.
const PASSWORD: &str = "a password of tests";

/// The port on a host of its own, where nobody else has one.
const HOST_PORT: u16 = 5432;

/// Who is on the same network may connect, too.
const NETWORK: &[u8] = b"host all all samenet scram-sha-256\n";

/// A PostgreSQL server with a data directory of its own. It ends when this is dropped, or with the process that made it.
///
/// It waits for the disk as it does by default. Its superuser is `postgres`, its database of that name is empty.
#[derive(Debug)]
pub struct Cluster {
    kept: Kept,
    /// Where it listens: for all who can reach it, and for those on this machine.
    address: String,
    here: String,
    port: u16,
    /// Where its programs are.
    programs: PathBuf,
    /// Its data.
    data: PathBuf,
}

impl Cluster {
    /// A server for one test, which may stop it.
    #[must_use]
    pub fn new() -> Option<Self> {
        or_skip(Self::start())
    }

    /// The same on a host, for all hosts of its network.
    #[must_use]
    pub fn on(host: &Host) -> Option<Self> {
        or_skip(Self::begin(None, Some(host), None))
    }

    /// A server whose data are kept in a folder, which is made if there is none; on a host, or on this machine.
    ///
    /// # Errors
    ///
    /// If there is no PostgreSQL, or it does not start there.
    pub fn kept_in(folder: &Path, host: Option<&Host>) -> Result<Self, String> {
        Self::begin(Some(folder), host, None)
    }

    pub(crate) fn start() -> Result<Self, String> {
        Self::begin(None, None, None)
    }

    /// With data of its own, or, of another one, a copy that follows it.
    fn begin(
        kept: Option<&Path>,
        host: Option<&Host>,
        primary: Option<&Self>,
    ) -> Result<Self, String> {
        let programs = programs()?;
        let error = |error: std::io::Error| format!("PostgreSQL does not start: {error}");
        // Not in the target directory: a user who is not root must reach it.
        let name = format!("brigade-postgres-{:016x}", fastrand::u64(..));
        let home = std::env::temp_dir().join(name);
        fs::create_dir(&home).map_err(error)?;
        let user = User::current()?;
        let data = kept.map_or_else(|| Ok(home.join("data")), std::path::absolute);
        let data = data.map_err(error)?;
        let made = match primary {
            Some(primary) => primary.copy(&data, &home, &user),
            None => fill(&data, &home, &programs, &user),
        };
        made.inspect_err(|_| drop(fs::remove_dir_all(&home)))?;
        let port = match host {
            Some(_) => HOST_PORT,
            None => free_port()?,
        };
        let (address, here) = match host {
            Some(host) => (host.address().to_string(), home.display().to_string()),
            None => ("127.0.0.1".to_owned(), "127.0.0.1".to_owned()),
        };
        // A host's address is reached from its network alone, a socket by all who see its file.
        let sockets = host.map_or("", |_| &here);
        log("postgres", port)?;
        let kept = Kept::new(&home, "postgres.log", |words| {
            words
                .args(host.map(Host::words).into_iter().flatten())
                .args(user.words())
                .arg(programs.join("postgres"))
                .arg("-D")
                .arg(&data)
                .args(["-p", &port.to_string(), "-h", &address, "-k", sockets])
                .args(["-c", "max_connections=200"]);
        });
        let cluster = Self {
            kept: kept.map_err(error)?,
            address,
            here,
            port,
            programs,
            data,
        };
        if cluster.starts() {
            Ok(cluster)
        } else {
            Err("PostgreSQL does not start; its log is `servers/postgres.log` in the target directory".into())
        }
    }

    /// The port that it has.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A pooler in front of it, which is on this machine.
    #[must_use]
    pub fn pooler(&self) -> Option<Pooler> {
        or_skip(Pooler::start(self.port, PASSWORD))
    }

    /// How the superuser connects to a database; if it is on a host, from its network.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        self.at(&self.address, database)
    }

    /// How the superuser connects to a database from this machine, also where it is on a host.
    #[must_use]
    pub fn url_here(&self, database: &str) -> String {
        self.at(&self.here, database)
    }

    fn at(&self, place: &str, database: &str) -> String {
        let password = PASSWORD.replace(' ', "%20");
        let place = place.replace('/', "%2F");
        format!(
            "postgres://postgres:{password}@{place}:{}/{database}",
            self.port
        )
    }

    /// Gives it a certificate and its key, in PEM, and lets it encrypt connections, all but those that are there: from when
    /// its configuration is loaded again (`SELECT pg_reload_conf()`).
    ///
    /// # Panics
    ///
    /// If the files cannot be written.
    pub fn certify(&self, certificate: &str, key: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let write = |name: &str, text: &str| {
            let path = self.data.join(name);
            fs::write(&path, text)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600))
        };
        let written = write("server.crt", certificate).and_then(|()| write("server.key", key));
        written.expect("its data can be written");
        let configuration = fs::OpenOptions::new()
            .append(true)
            .open(self.data.join("postgresql.conf"));
        let mut configuration = configuration.expect("it has a configuration");
        writeln!(configuration, "ssl = on").expect("it can be written");
        let user = User::current().expect("somebody runs this");
        user.owns(&self.data).expect("it may have its data");
    }

    /// Kills it, with all its processes, at once.
    pub fn kill(&self) {
        self.kept.tell("kill");
    }

    /// Stops it: open transactions are rolled back, connections closed.
    pub fn stop(&self) {
        self.kept.tell("stop");
    }

    /// Stops it at once, as `pg_ctl stop -m immediate` does: it recovers when it starts again.
    pub fn quit(&self) {
        self.kept.tell("quit");
    }

    /// Starts it again, and waits until it can be connected to.
    ///
    /// # Panics
    ///
    /// If it cannot within a minute.
    pub fn resume(&self) {
        assert!(self.starts(), "PostgreSQL does not answer");
    }

    fn starts(&self) -> bool {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            // It does not start as long as a process of the one that was killed has its memory.
            self.kept.tell("start");
            let again = Instant::now() + Duration::from_secs(1);
            while Instant::now() < again {
                if self.is_ready() {
                    return true;
                }
                sleep(Duration::from_millis(10));
            }
        }
        false
    }

    fn is_ready(&self) -> bool {
        let mut ask = Command::new(self.programs.join("pg_isready"));
        let asked = ask.args(["-q", "-h", &self.here, "-p", &self.port.to_string()]);
        asked.status().is_ok_and(|status| status.success())
    }
}

/// Makes the data of a server, if there are none.
fn fill(data: &Path, home: &Path, programs: &Path, user: &User) -> Result<(), String> {
    let error = |error: std::io::Error| format!("PostgreSQL does not start: {error}");
    let password = home.join("password");
    fs::write(&password, PASSWORD).map_err(error)?;
    user.owns(home)?;
    if data.join("PG_VERSION").exists() {
        return Ok(());
    }
    fs::create_dir_all(data).map_err(error)?;
    user.owns(data)?;
    let mut initdb = user.command(&programs.join("initdb"));
    initdb
        .args(["--username=postgres", "--auth=scram-sha-256"])
        .args(["--encoding=UTF8", "--locale=C", "--no-sync"])
        .arg(format!("--pwfile={}", password.display()))
        .arg(format!("--pgdata={}", data.display()))
        .current_dir(home);
    let made = initdb.output().map_err(error)?;
    if !made.status.success() {
        let why = String::from_utf8_lossy(&made.stderr);
        return Err(format!("initdb fails: {}", why.trim()));
    }
    let hosts = fs::File::options()
        .append(true)
        .open(data.join("pg_hba.conf"));
    hosts
        .and_then(|mut hosts| hosts.write_all(NETWORK))
        .map_err(error)
}
