//! PostgreSQL, with a data directory of its own.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::install::target;
use crate::or_skip;
use crate::process::{free_port, log};

/// How long the server may take to start, or to stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// The superuser's password. Every connection needs one.
const PASSWORD: &str = "a password of tests";

/// Runs the server until there is no one left who could write to its input, then removes its directory. On `kill` it is
/// killed at once, and its processes notice that; on `stop` it lets nobody finish; on `start` it runs again, unless it does.
/// Each is answered when it is done.
const KEEPER: &str = r#"
    cd "$PLACE"
    server=none
    runs() { read -r _ _ state _ 2>/dev/null </proc/$server/stat && [ "$state" != Z ]; }
    start() { setsid "$@" </dev/null >>"$LOG" 2>&1 & server=$!; }
    end() { kill -$1 $2$server; wait $server; }
    while read -r word; do
        case $word in
            start) runs || start "$@" ;;
            stop) end INT ;;
            kill) end KILL - ;;
        esac
        echo $word
    done
    kill -KILL -$server
    wait $server
    cd /
    rm -rf "$PLACE"
"#;

/// A PostgreSQL server with a data directory of its own. It ends when this is dropped, or with the process that made it.
///
/// It waits for the disk as it does by default. Its superuser is `postgres`, its database of that name is empty.
#[derive(Debug)]
pub struct Cluster {
    keeper: Mutex<Child>,
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

    pub(crate) fn start() -> Result<Self, String> {
        let programs = programs()?;
        let port = free_port()?;
        let error = |error: std::io::Error| format!("PostgreSQL does not start: {error}");
        // Not in the target directory: a user who is not root must reach it.
        let name = format!("brigade-postgres-{:016x}", fastrand::u64(..));
        let home = std::env::temp_dir().join(name);
        let data = home.join("data");
        fs::create_dir(&home).map_err(error)?;
        let password = home.join("password");
        fs::write(&password, PASSWORD).map_err(error)?;
        let user = User::current()?;
        user.owns(&home)?;
        let mut initdb = user.command(&programs.join("initdb"));
        initdb
            .args([
                "--username=postgres",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
            ])
            .args(["--locale=C", "--no-sync"])
            .arg(format!("--pwfile={}", password.display()))
            .arg(format!("--pgdata={}", data.display()))
            .current_dir(&home);
        let made = initdb.output().map_err(error)?;
        if !made.status.success() {
            let _ = fs::remove_dir_all(&home);
            return Err(format!(
                "initdb fails: {}",
                String::from_utf8_lossy(&made.stderr).trim()
            ));
        }
        log("postgres", port)?;
        let keeper = Command::new("sh")
            .args(["-c", KEEPER, "sh"])
            .args(user.words())
            .arg(programs.join("postgres"))
            .arg("-D")
            .arg(&data)
            .args(["-p", &port.to_string(), "-h", "127.0.0.1", "-k", ""])
            .args(["-c", "max_connections=200"])
            .env("PLACE", &home)
            .env("LOG", target()?.join("servers/postgres.log"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(error)?;
        let cluster = Self {
            keeper: Mutex::new(keeper),
            port,
            programs,
            data,
        };
        cluster.resume();
        Ok(cluster)
    }

    /// The port that it has on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How the superuser connects to a database.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let password = PASSWORD.replace(' ', "%20");
        format!(
            "postgres://postgres:{password}@127.0.0.1:{}/{database}",
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
        self.tell("kill");
    }

    /// Stops it: open transactions are rolled back, connections closed.
    pub fn stop(&self) {
        self.tell("stop");
    }

    /// Starts it again, and waits until it can be connected to.
    ///
    /// # Panics
    ///
    /// If it cannot within a minute.
    pub fn resume(&self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            // It does not start as long as a process of the one that was killed has its memory.
            self.tell("start");
            let again = Instant::now() + Duration::from_secs(1);
            while Instant::now() < again {
                if self.is_ready() {
                    return;
                }
                sleep(Duration::from_millis(10));
            }
            assert!(Instant::now() < deadline, "PostgreSQL does not answer");
        }
    }

    fn is_ready(&self) -> bool {
        let mut ask = Command::new(self.programs.join("pg_isready"));
        let asked = ask.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]);
        asked.status().is_ok_and(|status| status.success())
    }

    fn tell(&self, word: &str) {
        let mut keeper = self.keeper.lock().expect("nobody panics with it");
        let input = keeper.stdin.as_mut().expect("it has an input");
        writeln!(input, "{word}").expect("it reads");
        let mut answer = [0; 16];
        let output = keeper.stdout.as_mut().expect("it has an output");
        let read = std::io::Read::read(output, &mut answer).expect("it answers");
        assert_eq!(String::from_utf8_lossy(&answer[..read]).trim(), word);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Ok(keeper) = self.keeper.get_mut() {
            // The end of its input ends the keeper, and that the server.
            drop(keeper.stdin.take());
            let _ = keeper.wait();
        }
    }
}

/// As whom it runs: it refuses to be root.
enum User {
    Own,
    Postgres,
}

impl User {
    fn current() -> Result<Self, String> {
        let said = Command::new("id").arg("-u").output();
        let said = said.map_err(|error| format!("id: {error}"))?;
        match String::from_utf8_lossy(&said.stdout).trim() {
            "0" => Ok(Self::Postgres),
            _ => Ok(Self::Own),
        }
    }

    /// What stands in front of a command.
    fn words(&self) -> &'static [&'static str] {
        match self {
            Self::Own => &[],
            Self::Postgres => &[
                "setpriv",
                "--reuid=postgres",
                "--regid=postgres",
                "--clear-groups",
            ],
        }
    }

    fn command(&self, program: &Path) -> Command {
        match self.words().split_first() {
            None => Command::new(program),
            Some((first, words)) => {
                let mut command = Command::new(first);
                command.args(words).arg(program);
                command
            }
        }
    }

    fn owns(&self, folder: &Path) -> Result<(), String> {
        if let Self::Own = self {
            return Ok(());
        }
        let owned = Command::new("chown")
            .args(["-R", "postgres:postgres"])
            .arg(folder)
            .status();
        match owned {
            Ok(status) if status.success() => Ok(()),
            other => Err(format!("chown postgres fails: {other:?}")),
        }
    }
}

/// Where `initdb` and `postgres` are: the newest that is installed.
fn programs() -> Result<PathBuf, String> {
    let versions = fs::read_dir("/usr/lib/postgresql");
    let versions = versions.into_iter().flatten().flatten();
    let folders = versions.map(|version| version.path().join("bin"));
    let mut folders: Vec<_> = folders
        .filter(|folder| folder.join("initdb").exists())
        .collect();
    folders.sort_by_key(|folder| {
        let version = folder.parent().and_then(Path::file_name);
        version.and_then(|version| version.to_str()?.parse::<u32>().ok())
    });
    let path = std::env::var_os("PATH").unwrap_or_default();
    let elsewhere = std::env::split_paths(&path).find(|folder| folder.join("initdb").exists());
    let newest = folders.pop().or(elsewhere);
    newest.ok_or_else(|| "there is no PostgreSQL; install Debian's `postgresql`".into())
}
