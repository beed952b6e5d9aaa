//! The program under test, a directory for one test, and what the program left there.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use rusqlite::types::FromSql;

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
        // The features of the tests of the workspace, with which it is built anyway.
        .args([
            "build",
            "--quiet",
            "--workspace",
            "--all-features",
            "--example",
            "reports",
        ])
        .args(["--profile", name, "--target-dir"])
        .arg(profile.parent().expect("target"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "the example does not build"
    );
    let file = format!("reports{}", std::env::consts::EXE_SUFFIX);
    profile.join("examples").join(file)
});

/// A run has several processes; two runs at a time would be in each other's way.
static TURN: Mutex<()> = Mutex::new(());

/// A directory of its own for one test; the program runs in it.
pub(crate) struct Place {
    directory: tempfile::TempDir,
    _turn: MutexGuard<'static, ()>,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        // A server in it runs as another user, if this one is root.
        let passed_through = Permissions::from_mode(0o711);
        std::fs::set_permissions(directory.path(), passed_through).expect("it is ours");
        Self {
            _turn: TURN.lock().unwrap_or_else(PoisonError::into_inner),
            directory,
        }
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.run_while(arguments, || {})
    }

    /// Runs it, and does something else meanwhile.
    pub(crate) fn run_while(&self, arguments: &[&str], meanwhile: impl FnOnce()) -> Ended {
        let running = Command::new(&*PROGRAM)
            .args(arguments)
            .current_dir(self.directory.path())
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        meanwhile();
        let ended = running.wait_with_output();
        let Output {
            status,
            stdout,
            stderr,
        } = ended.expect("the program runs");
        let text = |bytes| String::from_utf8(bytes).expect("it prints text");
        Ended {
            code: status.code(),
            stdout: text(stdout),
            stderr: text(stderr),
        }
    }

    /// Runs it where nobody reads what it prints. Gives its exit code.
    pub(crate) fn run_unheard(&self, arguments: &[&str]) -> Option<i32> {
        let broken_pipe = || {
            let (reader, writer) = std::io::pipe().expect("there are pipes");
            drop(reader);
            writer
        };
        let ended = Command::new(&*PROGRAM)
            .args(arguments)
            .current_dir(self.directory.path())
            .stdout(broken_pipe())
            .stderr(broken_pipe())
            .status();
        ended.expect("the program runs").code()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join("reports-data").join(name)
    }

    /// The first column of a query.
    pub(crate) fn query<T: FromSql>(&self, database: &str, sql: &str) -> Vec<T> {
        query(&self.path(database), sql)
    }

    /// How often each stage was called for each message, as `report 7/link`.
    pub(crate) fn calls(&self) -> HashMap<String, u32> {
        let mut calls = self.calls_and_ticks();
        calls.retain(|call, _| call.starts_with("report "));
        calls
    }

    /// The same, and for each tick.
    pub(crate) fn calls_and_ticks(&self) -> HashMap<String, u32> {
        let mut calls = HashMap::new();
        let notes = std::fs::read_to_string(self.path("calls.txt")).expect("calls are noted");
        // A line without a call says that a delivery begins.
        for (_delivery, call) in notes.lines().filter_map(|note| note.split_once(' ')) {
            *calls.entry(call.to_owned()).or_default() += 1;
        }
        calls
    }
}

fn query<T: FromSql>(database: &Path, sql: &str) -> Vec<T> {
    let connection = Connection::open(database).expect("the database opens");
    let mut rows = connection.prepare(sql).expect("the query is well-formed");
    let rows = rows
        .query_map([], |row| row.get(0))
        .expect("the query runs");
    rows.collect::<Result<_, _>>().expect("the rows are read")
}

impl Ended {
    /// It has found nothing to complain about.
    pub(crate) fn clean(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.stdout
    }

    /// The same of words that it need not have printed.
    pub(crate) fn count_if_said(stdout: &str, words: &str) -> u32 {
        if stdout.contains(words) {
            Self::count(stdout, words)
        } else {
            0
        }
    }

    /// The number in front of some words that it printed.
    pub(crate) fn count(stdout: &str, words: &str) -> u32 {
        let before = stdout.split(words).next().unwrap_or_default();
        let number = before.trim_end().rsplit(char::is_whitespace).next();
        let number = number.and_then(|number| number.parse().ok());
        number.unwrap_or_else(|| panic!("it does not say how many {words}: {stdout}"))
    }
}
