//! Who writes under a lease that is another's by then.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use brigade::BoxError;
use brigade::prelude::*;
use pipeline_connectors::database::Sqlite;
use pipeline_connectors::sink::{Binder, TableRow};
use pipeline_service::lease::{Lease, Leases as _};
use rustix::process::Signal;

use crate::{PATIENCE, note, signal, until};

/// How the program, which this test starts itself as, writes; and where.
const PROGRAM: [&str; 2] = ["FENCED_HOW", "FENCED_FOLDER"];
const TTL: Duration = Duration::from_millis(900);
const HOUR: Duration = Duration::from_secs(3600);

/// A row in the midst of whose transaction the program stops.
struct Row {
    stops: bool,
    folder: PathBuf,
}

impl TableRow for Row {
    fn bind(&self, row: &mut Binder<'_>) -> Result<(), BoxError> {
        if self.stops {
            stops(&self.folder);
        }
        row.value(&1_i64)
    }
}

fn stops(folder: &Path) {
    note(&folder.join("log"), "checked");
    signal(std::process::id(), Signal::STOP);
    // It may take a moment until this thread stops, too.
    while !folder.join("on").exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Takes the lease, and writes one row under it, in front of which or in the midst of which it stops.
#[test]
fn program() {
    let [Ok(how), Ok(folder)] = PROGRAM.map(std::env::var) else {
        return;
    };
    let folder = PathBuf::from(folder);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(async {
        let db = Sqlite::open(folder.join("work.db")).unwrap();
        let leases = db.leases().open().unwrap();
        let table = db.table("written").column("token", "INTEGER");
        let table = table.create().open().unwrap();
        let token = leases.claim("writer", "program", TTL).await;
        let lease = Lease::new("writer", token.unwrap().unwrap(), TTL);
        let rows = if how.contains("fenced") {
            table.fenced(&leases, &lease).unwrap()
        } else {
            table
        };
        let inside = how.contains("inside");
        if !inside {
            assert!(leases.renew("writer", lease.token(), TTL).await.unwrap());
            stops(&folder);
        }
        let row = Row {
            stops: inside,
            folder: folder.clone(),
        };
        let ended = pipeline! { [vec![row]] :drive rows }.run().await;
        let ended = ended.map(drop).map_err(|failure| failure.to_string());
        note(&folder.join("log"), &format!("ended {ended:?}"));
    });
}

struct Program {
    folder: tempfile::TempDir,
    child: Child,
}

impl Program {
    fn start(how: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let values = [how, folder.path().to_str().unwrap()];
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["fenced::program", "--exact", "--nocapture"])
            .envs(PROGRAM.into_iter().zip(values))
            .stdout(Stdio::null())
            .spawn();
        let child = child.unwrap();
        let program = Self { folder, child };
        program.says("checked");
        program
    }

    /// What it says behind that word.
    fn says(&self, word: &str) -> String {
        let mut said = None;
        until(&format!("it says: {word}"), || {
            let log = std::fs::read_to_string(self.folder.path().join("log"));
            let log = log.unwrap_or_default();
            let found = log.lines().find_map(|line| line.strip_prefix(word));
            said = found.map(str::to_owned);
            said.is_some()
        });
        said.unwrap()
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("work.db")
    }

    fn goes_on(&self) -> String {
        std::fs::write(self.folder.path().join("on"), "").unwrap();
        signal(self.child.id(), Signal::CONT);
        self.says("ended ")
    }

    fn written(&self) -> u64 {
        let file = rusqlite::Connection::open(self.file()).unwrap();
        let count = file.query_row("SELECT count(*) FROM written", [], |row| row.get(0));
        count.unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn granted(file: &Path) -> u64 {
    let db = Sqlite::at(file).busy_timeout(Duration::from_millis(100));
    let leases = db.open().unwrap().leases().open().unwrap();
    let begun = std::time::Instant::now();
    loop {
        if let Ok(Some(token)) = leases.claim("writer", "test", HOUR).await {
            return token;
        }
        assert!(begun.elapsed() < PATIENCE, "it is never granted");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn who_is_stopped_between_its_look_at_the_lease_and_its_write_is_refused() {
    // A lease alone lets it through: that is what this test sees.
    for (how, written) in [("between, plain", 1), ("between, fenced", 0)] {
        let program = Program::start(how);
        assert_eq!(granted(&program.file()).await, 2);
        let ended = program.goes_on();
        assert_eq!(program.written(), written, "{how}: {ended}");
        assert_eq!(ended.contains("this is token 1"), written == 0, "{ended}");
    }
}

/// It has the file to itself: nobody can be granted the lease before its write is done.
#[tokio::test]
async fn who_is_stopped_inside_its_write_has_the_lease_as_long_as_that_lasts() {
    let program = Program::start("inside, fenced");
    let db = Sqlite::at(program.file()).busy_timeout(Duration::from_millis(100));
    let file = rusqlite::Connection::open(program.file()).unwrap();
    // Its time is over; the place of leases is away.
    until("its time is over", || {
        let over = "SELECT count(*) FROM brigade_lease WHERE until < ?1";
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let now = time.tv_sec * 1_000 + time.tv_nsec / 1_000_000;
        file.query_row(over, [now], |row| row.get::<_, u64>(0))
            .unwrap()
            == 1
    });
    let opened = db.open().unwrap().leases().open();
    if let Ok(leases) = opened {
        let claimed = leases.claim("writer", "test", HOUR).await;
        assert!(claimed.is_err(), "{claimed:?}");
    }
    assert_eq!(program.goes_on(), "Ok(())");
    assert_eq!(program.written(), 1);
    assert_eq!(granted(&program.file()).await, 2);
}
