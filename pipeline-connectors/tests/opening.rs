//! SQLite files of every kind that somebody else holds, that are none, or for which there is no room in the process.

#![cfg(all(feature = "sqlite", feature = "journal"))]

#[path = "common/kinds.rs"]
mod kinds;

use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::time::{Duration, Instant};

use kinds::{KINDS, Kind};
use pipeline_connectors::database::OpenErrorKind;
use rusqlite::Connection;
use tempfile::TempDir;

/// Ways to hold a file.
const HOLDS: [&str; 5] = [
    // For this one SQLite does not wait: it is in the way of the change to a log.
    "CREATE TABLE other (x); BEGIN IMMEDIATE",
    "CREATE TABLE other (x); BEGIN; SELECT count(*) FROM other",
    "CREATE TABLE other (x); BEGIN EXCLUSIVE",
    "PRAGMA journal_mode = WAL; CREATE TABLE other (x); BEGIN IMMEDIATE",
    "PRAGMA journal_mode = WAL; PRAGMA locking_mode = EXCLUSIVE; CREATE TABLE other (x); BEGIN EXCLUSIVE",
];

/// Somebody else who holds the file until this is dropped.
struct Held {
    dir: TempDir,
    connection: Connection,
}

impl Held {
    fn by(hold: &str) -> Self {
        let dir = TempDir::new().unwrap();
        let connection = Connection::open(dir.path().join("held.db")).unwrap();
        for statement in hold.split("; ") {
            let mut statement = connection.prepare(statement).unwrap();
            let mut rows = statement.query([]).unwrap();
            while rows.next().unwrap().is_some() {}
        }
        Self { dir, connection }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("held.db")
    }
}

#[test]
fn a_file_is_told_to_be_locked_only_when_the_time_out_has_passed() {
    const BUSY: Duration = Duration::from_millis(60);
    for hold in HOLDS {
        let held = Held::by(hold);
        for kind in KINDS {
            let began = Instant::now();
            let Err(error) = kind.open(&held.path(), BUSY) else {
                panic!("{kind:?} opens, held by {hold}");
            };
            let OpenErrorKind::Locked(waited) = error.kind else {
                panic!("{kind:?}, held by {hold}: {error}");
            };
            assert!(
                (BUSY..=began.elapsed()).contains(&waited),
                "{kind:?}, held by {hold}: {waited:?}"
            );
        }
    }
}

#[test]
fn a_lock_that_is_let_go_in_time_lets_the_file_open() {
    for hold in HOLDS {
        for kind in KINDS {
            let held = Held::by(hold);
            let (path, begin) = (held.path(), Barrier::new(2));
            std::thread::scope(|scope| {
                let opening = scope.spawn(|| {
                    begin.wait();
                    kind.open(&path, Duration::from_secs(30)).map(drop)
                });
                begin.wait();
                // For a while, in which a file that is told to be locked at once would be.
                std::thread::sleep(Duration::from_millis(30));
                drop(held.connection);
                let opened = opening.join().unwrap();
                assert!(opened.is_ok(), "{kind:?}, held by {hold}: {opened:?}");
            });
        }
    }
}

#[test]
fn any_time_out_may_be_named() {
    let dir = TempDir::new().unwrap();
    // SQLite itself counts milliseconds, up to 24.8 days of them.
    for days in [24, 25, u64::MAX / 86_400] {
        for kind in KINDS {
            let path = dir.path().join(format!("{kind:?}.db"));
            let opened = kind.open(&path, Duration::from_secs(days * 86_400));
            assert!(opened.is_ok(), "{kind:?}: {:?}", opened.err());
        }
    }
}

#[test]
fn an_empty_path_is_an_error_that_says_so() {
    for kind in KINDS {
        let error = kind.open(Path::new(""), Duration::ZERO).err().unwrap();
        assert_eq!(error.kind, OpenErrorKind::EmptyPath, "{kind:?}");
        let said = "the path is empty; name a file, or set the variable that the path comes from";
        assert!(error.to_string().ends_with(said), "{error}");
    }
}

#[test]
fn what_sqlite_takes_for_something_else_than_a_file_is_an_error() {
    let names = [
        ":memory:",
        ":other:",
        "file:rows.db",
        "file::memory:",
        "file:rows.db?mode=memory",
    ];
    for (name, kind) in names.iter().flat_map(|name| KINDS.map(|kind| (name, kind))) {
        if (*name, kind) == (":memory:", Kind::Table) {
            continue;
        }
        let error = kind.open(Path::new(name), Duration::ZERO).err().unwrap();
        assert_eq!(error.kind, OpenErrorKind::NoFileName, "{kind:?}: {name}");
    }
    assert!(!Path::new("rows.db").exists());
}

#[test]
fn tables_may_be_in_memory() {
    let open = Kind::Table.open(Path::new(":memory:"), Duration::ZERO);
    assert!(open.is_ok(), "{:?}", open.err());
    assert!(!Path::new(":memory:").exists());
}

#[test]
fn a_file_whose_name_begins_so_may_be_named_with_its_directory() {
    let dir = TempDir::new().unwrap();
    for name in [":memory:", "file:rows.db"] {
        let path = dir.path().join(name);
        Kind::Table.open(&path, Duration::ZERO).unwrap();
        assert!(path.exists());
    }
}

/// Alone in its process, because the limit is the process's.
#[cfg(target_os = "linux")]
mod descriptors {
    use std::process::Command;

    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    use super::*;

    const CHILD: &str = "BRIGADE_TEST_DESCRIPTORS";

    #[test]
    #[ignore = "the process of the test below"]
    fn child() {
        if std::env::var_os(CHILD).is_none() {
            return;
        }
        for kind in KINDS {
            // From those of the streams on, one more each time until there are enough: for the file, its log, and the index
            // of that.
            let opens = (3..40).position(|limit| opens_with(limit, kind));
            assert!(opens.is_some_and(|after| after >= 3), "{kind:?}: {opens:?}");
        }
    }

    fn opens_with(limit: u64, kind: Kind) -> bool {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("few.db");
        let before = getrlimit(Resource::Nofile);
        let current = Some(limit);
        setrlimit(Resource::Nofile, Rlimit { current, ..before }).unwrap();
        let opened = kind.open(&path, Duration::ZERO);
        setrlimit(Resource::Nofile, before).unwrap();
        let Err(error) = opened else {
            return true;
        };
        assert_eq!(
            error.kind,
            OpenErrorKind::NoDescriptors,
            "{kind:?} with {limit}: {error}"
        );
        assert!(error.to_string().contains("`ulimit -n`"), "{error}");
        false
    }

    #[test]
    fn a_file_for_which_there_is_no_descriptor_says_so() {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["descriptors::child", "--exact", "--ignored", "--nocapture"])
            .env(CHILD, "")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&child.stderr);
        assert!(child.status.success(), "{said}");
        let said = String::from_utf8_lossy(&child.stdout);
        assert!(said.contains("1 passed"), "{said}");
    }
}
