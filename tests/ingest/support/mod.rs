//! The program under test, and a directory for one test.

mod listening;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;

pub use listening::{Listening, send_signal};

/// The example's program. Cargo tells tests where binaries are, but not examples: this builds it, which is quick if it
/// was built before, where cargo builds for this test.
static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
    let test = std::env::current_exe().expect("a test has a path");
    let profile = test
        .ancestors()
        .nth(2)
        .expect("target/<profile>/deps/<test>");
    let name = match profile.file_name().and_then(OsStr::to_str) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--example", "ingest", "--profile", name])
        .arg("--target-dir")
        .arg(profile.parent().expect("target"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "the example does not build"
    );
    profile
        .join("examples")
        .join(format!("ingest{}", std::env::consts::EXE_SUFFIX))
});

/// A directory of its own for one test; the program runs in it.
pub struct Place(tempfile::TempDir);

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Place {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary directory"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file, and gives its name.
    pub fn file<'a>(&self, name: &'a str, bytes: impl AsRef<[u8]>) -> &'a str {
        fs::write(self.path(name), bytes).expect("the directory can be written");
        name
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&*PROGRAM);
        command
            .args(arguments)
            .current_dir(self.0.path())
            .env("TMPDIR", self.0.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs the program to its end.
    pub fn ingest(&self, arguments: &[&str]) -> Ended {
        self.command(arguments)
            .output()
            .expect("the program starts")
            .into()
    }

    /// Starts the program with pipes to and from it.
    pub fn start(&self, arguments: &[&str]) -> Child {
        let piped = Stdio::piped;
        let mut command = self.command(arguments);
        command.stdin(piped()).stdout(piped()).stderr(piped());
        command.spawn().expect("the program starts")
    }

    /// Starts the program with `--listen` on a free port.
    pub fn listen(&self, arguments: &[&str]) -> Listening {
        Listening::start(self.command(arguments))
    }

    /// The one number that a query of the database gives.
    pub fn count(&self, query: &str) -> u64 {
        let database = Connection::open(self.path("posts.db")).expect("the database opens");
        let count: i64 = database
            .query_one(query, [], |row| row.get(0))
            .expect(query);
        count.try_into().expect("a count")
    }

    /// Waits until a query gives at least `count`.
    pub fn wait_for(&self, count: u64, query: &str) {
        let deadline = Instant::now() + Duration::from_mins(1);
        while self.count(query) < count {
            assert!(Instant::now() < deadline, "{query} stays under {count}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn wait_for_posts(&self, count: u64) {
        self.wait_for(count, "select count(*) from posts");
    }

    pub fn posts(&self) -> u64 {
        self.count("select count(*) from posts")
    }

    pub fn rejects(&self) -> u64 {
        self.count("select count(*) from rejects")
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Self {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

impl Ended {
    /// The line of totals.
    pub fn totals(&self) -> &str {
        let line = self.stdout.lines().find(|line| line.contains(" objects "));
        line.unwrap_or_else(|| panic!("no totals in {self:?}"))
    }

    /// That nothing could be done, and that one line of stderr says so in all these words.
    pub fn says(&self, words: &[&str]) {
        let said = |line: &str| words.iter().all(|word| line.contains(word));
        assert!(self.stderr.lines().any(said), "{words:?} in {self:?}");
    }
}

/// A post as a line.
pub fn post(id: u64) -> String {
    format!("{{\"id\":{id},\"user\":\"ada\",\"text\":\"post number {id}\"}}\n")
}

/// Where the real data is, if it is there.
pub fn data(name: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().skip(1);
    let found = beside
        .map(|directory| directory.join("shared/data").join(name))
        .find(|path| path.exists());
    if found.is_none() {
        test_servers::skipped(&format!("shared/data/{name} is not there"));
    }
    found
}
