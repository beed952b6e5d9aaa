//! What is opened, after it is known to be there: nothing is ever made.

use std::env;
use std::path::Path;
use std::time::Duration;

use brigade::database::{Contents, Postgres, QueueName, Sqlite};
use brigade::journal::{PostgresJournal, SqliteJournal};
use brigade::queue::{PostgresLetters, PostgresQueue, SqliteLetters, SqliteQueue};
use brigade::service::ScheduleInfo;

use crate::args::Place;
use crate::failure::Failure;

/// Where the address of a server may stand.
const POSTGRES: &str = "BRIGADE_POSTGRES";
/// For how long a server may not answer.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Database {
    back_end: BackEnd,
    contents: Contents,
    /// For messages.
    at: String,
}

enum BackEnd {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

/// A queue, whatever it lies in and its bodies are.
pub(crate) enum AnyQueue {
    SqliteText(SqliteQueue<String>),
    SqliteBytes(SqliteQueue<Vec<u8>>),
    PostgresText(PostgresQueue<String>),
    PostgresBytes(PostgresQueue<Vec<u8>>),
}

/// Does the same with any of them.
macro_rules! with_queue {
    ($queue:expr, $each:ident => $does:expr) => {
        match $queue {
            $crate::database::AnyQueue::SqliteText($each) => $does,
            $crate::database::AnyQueue::SqliteBytes($each) => $does,
            $crate::database::AnyQueue::PostgresText($each) => $does,
            $crate::database::AnyQueue::PostgresBytes($each) => $does,
        }
    };
}
pub(crate) use with_queue;

/// Dead letters, whatever they lie in.
pub(crate) enum AnyLetters {
    Sqlite(SqliteLetters),
    Postgres(PostgresLetters),
}

/// Does the same with any of them.
macro_rules! with_letters {
    ($letters:expr, $each:ident => $does:expr) => {
        match $letters {
            $crate::database::AnyLetters::Sqlite($each) => $does,
            $crate::database::AnyLetters::Postgres($each) => $does,
        }
    };
}
pub(crate) use with_letters;

/// A journal, whatever it lies in.
pub(crate) enum AnyJournal {
    Sqlite(SqliteJournal),
    Postgres(PostgresJournal),
}

impl Database {
    pub(crate) async fn open(place: &Place) -> Result<Self, Failure> {
        match (&place.db, &place.postgres) {
            (Some(path), _) => Self::file(path),
            (None, Some(url)) => Self::server(url, &place.schema).await,
            (None, None) => match env::var(POSTGRES) {
                Ok(url) => Self::server(&url, &place.schema).await,
                Err(_) => Err(Failure::Usage(format!(
                    "say where the queues are: `--db FILE`, `--postgres URL`, or the variable {POSTGRES}"
                ))),
            },
        }
    }

    fn file(path: &Path) -> Result<Self, Failure> {
        let at = path.display().to_string();
        if path.try_exists().is_ok_and(|there| !there) {
            return Err(Failure::Missing(format!(
                "there is no file {at}; name the one that your program has made"
            )));
        }
        let contents = Sqlite::at(path).contents().map_err(Failure::of)?;
        if contents == Contents::default() {
            return Err(Failure::Missing(format!(
                "{at} holds nothing of brigade; name the file that your program has its queues in"
            )));
        }
        let sqlite = Sqlite::open(path).map_err(Failure::of)?;
        Ok(Self {
            back_end: BackEnd::Sqlite(sqlite),
            contents,
            at,
        })
    }

    async fn server(url: &str, schema: &str) -> Result<Self, Failure> {
        let at = Postgres::at(url).schema(schema).connect_within(PATIENCE);
        let db = at.poll_only().connect().await.map_err(Failure::of)?;
        let contents = db.contents().await.map_err(Failure::of)?;
        let at = format!("the schema `{schema}`");
        if contents == Contents::default() {
            return Err(Failure::Missing(format!(
                "{at} holds nothing of brigade; name the database that your program has its queues in, or its `--schema`"
            )));
        }
        Ok(Self {
            back_end: BackEnd::Postgres(db),
            contents,
            at,
        })
    }

    /// The names of its queues.
    pub(crate) fn queues(&self) -> impl Iterator<Item = &str> {
        self.contents.queues.iter().map(|queue| &*queue.name)
    }

    pub(crate) async fn queue(&self, name: &str) -> Result<AnyQueue, Failure> {
        let known = self.contents.queues.iter();
        let Some(QueueName { bodies, .. }) = known.clone().find(|queue| queue.name == name) else {
            let names: Vec<_> = known.map(|queue| format!("`{}`", queue.name)).collect();
            let there = match &*names {
                [] => "there is none".to_owned(),
                names => format!("there is {}", names.join(", ")),
            };
            return Err(Failure::Missing(format!(
                "no queue `{name}` in {}; {there}",
                self.at
            )));
        };
        Ok(match (&self.back_end, &**bodies) {
            (BackEnd::Sqlite(db), "text") => {
                AnyQueue::SqliteText(db.queue(name).open().map_err(Failure::of)?)
            }
            (BackEnd::Sqlite(db), _) => {
                AnyQueue::SqliteBytes(db.queue(name).open().map_err(Failure::of)?)
            }
            (BackEnd::Postgres(db), "text") => {
                AnyQueue::PostgresText(db.queue(name).open().await.map_err(Failure::of)?)
            }
            (BackEnd::Postgres(db), _) => {
                AnyQueue::PostgresBytes(db.queue(name).open().await.map_err(Failure::of)?)
            }
        })
    }

    pub(crate) async fn letters(&self) -> Result<AnyLetters, Failure> {
        if !self.contents.letters {
            return Err(Failure::Missing(format!(
                "{} has no place for dead letters; name the file that they are written to",
                self.at
            )));
        }
        Ok(match &self.back_end {
            BackEnd::Sqlite(db) => AnyLetters::Sqlite(db.letters().open().map_err(Failure::of)?),
            BackEnd::Postgres(db) => {
                AnyLetters::Postgres(db.letters().open().await.map_err(Failure::of)?)
            }
        })
    }

    /// All schedules, by name.
    pub(crate) async fn schedules(&self) -> Result<Vec<ScheduleInfo>, Failure> {
        if !self.contents.schedules {
            return Err(Failure::Missing(format!(
                "{} has no place for schedules; name the one that your program shares them in (`once_everywhere`)",
                self.at
            )));
        }
        let listed = match &self.back_end {
            BackEnd::Sqlite(db) => {
                let schedules = db.schedules().open().map_err(Failure::of)?;
                schedules.list().await
            }
            BackEnd::Postgres(db) => {
                let schedules = db.schedules().open().await.map_err(Failure::of)?;
                schedules.list().await
            }
        };
        listed.map_err(Failure::of)
    }

    pub(crate) async fn journal(&self) -> Result<AnyJournal, Failure> {
        if !self.contents.journal {
            return Err(Failure::Missing(format!(
                "{} has no journal; leave `--journal` out",
                self.at
            )));
        }
        Ok(match &self.back_end {
            BackEnd::Sqlite(db) => AnyJournal::Sqlite(db.journal().open().map_err(Failure::of)?),
            BackEnd::Postgres(db) => {
                AnyJournal::Postgres(db.journal().open().await.map_err(Failure::of)?)
            }
        })
    }
}
