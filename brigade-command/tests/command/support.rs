//! What the tests share.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use brigade::database::{Postgres, Sqlite};
use brigade::queue::{Outgoing, Queue};
use serde_json::Value;
use tempfile::TempDir;

/// What the command printed, and how it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    /// What it printed, where it did what it was asked.
    pub(crate) fn clean(self) -> String {
        assert_eq!((self.code, &*self.err), (Some(0), ""), "{self:?}");
        self.out
    }

    pub(crate) fn json(self) -> Value {
        let out = self.clean();
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"))
    }

    pub(crate) fn json_lines(self) -> Vec<Value> {
        let out = self.clean();
        out.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// What it said, where it ended with this code.
    pub(crate) fn said(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{self:?}");
        self.err
    }
}

/// Runs the command, whose standard input is no terminal.
pub(crate) fn brigade(arguments: &[&str], place: &[&str]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_brigade"));
    command.args(arguments).args(place).stdin(Stdio::null());
    command.env_remove("BRIGADE_POSTGRES");
    let ended = command.output().expect("it runs");
    Ended {
        code: ended.status.code(),
        out: String::from_utf8(ended.stdout).expect("it is text"),
        err: String::from_utf8(ended.stderr).expect("it is text"),
    }
}

/// Where queues are, and the arguments that say so.
pub(crate) struct Place {
    pub(crate) arguments: Vec<String>,
    pub(crate) db: Db,
    _dir: Option<TempDir>,
}

pub(crate) enum Db {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl Place {
    pub(crate) fn file() -> Self {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("work.db");
        let db = Sqlite::open(&path).unwrap();
        Self {
            arguments: vec!["--db".to_owned(), path.display().to_string()],
            db: Db::Sqlite(db),
            _dir: Some(dir),
        }
    }

    /// A schema of its own; `None` where there is no server.
    pub(crate) async fn server() -> Option<Self> {
        let server = test_servers::postgres()?;
        let schema = format!("command_{:016x}", fastrand::u64(..));
        let url = server.url("postgres");
        let db = Postgres::at(&url).schema(&schema).connect().await.unwrap();
        let arguments = ["--postgres", &url, "--schema", &schema];
        Some(Self {
            arguments: arguments.map(str::to_owned).to_vec(),
            db: Db::Postgres(db),
            _dir: None,
        })
    }

    pub(crate) fn path(&self) -> PathBuf {
        PathBuf::from(&self.arguments[1])
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        let place: Vec<_> = self.arguments.iter().map(String::as_str).collect();
        brigade(arguments, &place)
    }

    /// Sends to a queue of text, as the program does whose queue it is.
    pub(crate) async fn send(&self, queue: &str, messages: Vec<Outgoing<String>>) {
        let unsent = match &self.db {
            Db::Sqlite(db) => db.queue(queue).open().unwrap().send(messages).await,
            Db::Postgres(db) => db.queue(queue).open().await.unwrap().send(messages).await,
        };
        assert!(unsent.unwrap().is_empty());
    }
}

pub(crate) fn message(id: &str) -> Outgoing<String> {
    Outgoing::new(format!("body of {id}")).id(id)
}
