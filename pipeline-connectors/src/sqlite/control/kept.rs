//! What services are told, in a file.

use std::time::Duration;

use pipeline_runtime::Name;
use pipeline_service::everywhere::{Standing, StandingError};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::schema::prepare;
use crate::sqlite::{OpenError, Sqlite, SqliteBuilder, Synchronous, begin, refused, with_room};

/// How often the file is read: nobody tells of what another process writes.
const LOOK: Duration = Duration::from_millis(250);

/// What all instances of services are told, those of one machine, in a SQLite file: a row for each service. Clones are the
/// same. [`Service::everywhere`](pipeline_service::Service::everywhere) and
/// [`Control::everywhere`](pipeline_service::Control::everywhere) take it.
#[derive(Debug, Clone)]
pub struct SqliteControl {
    file: Sqlite,
    name: Name,
}

impl Sqlite {
    /// What services are told, in this file, to be opened.
    pub fn control(&self) -> SqliteControlBuilder {
        SqliteControlBuilder(self.file().clone().synchronous(Synchronous::Full))
    }
}

/// Describes a place of what services are told; [`Sqlite::control`] begins it.
#[derive(Debug, Clone)]
#[must_use = "nothing is opened before `open`"]
pub struct SqliteControlBuilder(SqliteBuilder);

impl SqliteControlBuilder {
    /// Opens it, and makes it first if there is none.
    ///
    /// Blocks, for the busy timeout at most.
    ///
    /// # Errors
    ///
    /// Those of [`SqliteBuilder::open`]; and if what is in the file is of another version.
    pub fn open(self) -> Result<SqliteControl, OpenError> {
        let (connection, ()) = self.0.open_with(prepare)?;
        let name = self.0.name().into();
        let file = self.0.share(connection)?;
        Ok(SqliteControl { file, name })
    }
}

impl SqliteControl {
    async fn run<T: Send + 'static>(
        &self,
        mut work: impl FnMut(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StandingError> {
        let ran = self
            .file
            .run(move |connection| with_room(connection, &mut work))
            .await;
        match ran {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(StandingError::new(refused(
                &error,
                self.file.busy_timeout(),
            ))),
            Err(panicked) => Err(StandingError::new(panicked)),
        }
    }
}

impl Standing for SqliteControl {
    fn name(&self) -> Name {
        self.name.clone()
    }

    async fn read(&self, service: &str) -> Result<(u64, String), StandingError> {
        let service = service.to_owned();
        let read = "SELECT number, orders FROM brigade_control WHERE service = ?1";
        self.run(move |connection| {
            let found = connection
                .query_row(read, [&service], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            Ok(found.unwrap_or_default())
        })
        .await
    }

    async fn write(&self, service: &str, number: u64, text: &str) -> Result<bool, StandingError> {
        let (service, text) = (service.to_owned(), text.to_owned());
        let write = "
            INSERT INTO brigade_control (service, number, orders) SELECT ?1, 1, ?3 WHERE ?2 = 0
            ON CONFLICT DO NOTHING";
        let change = "
            UPDATE brigade_control SET number = number + 1, orders = ?3
            WHERE service = ?1 AND number = ?2";
        self.run(move |connection| {
            let transaction = begin(connection)?;
            let statement = if number == 0 { write } else { change };
            let written = transaction.execute(statement, params![service, number, text])?;
            transaction.commit()?;
            Ok(written > 0)
        })
        .await
    }

    async fn changed(&self) {
        tokio::time::sleep(LOOK).await;
    }
}
