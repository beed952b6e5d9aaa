//! The file that leases and ticks are in.

use std::path::Path;

use pipeline_runtime::Name;
use pipeline_service::lease::LeaseError;
use rusqlite::{Connection, Transaction};

use super::now::boot;
use super::schema::prepare;
use crate::sqlite::{OpenError, Sqlite, SqliteBuilder, Synchronous, begin, refused, with_room};

/// Tokens must not come twice, whatever happens to the machine.
pub(super) fn described(file: &Sqlite) -> SqliteBuilder {
    file.file().clone().synchronous(Synchronous::Full)
}

/// A handle of its own.
#[derive(Debug, Clone)]
pub(super) struct File {
    file: Sqlite,
    pub(super) name: Name,
}

impl File {
    pub(super) fn open(file: SqliteBuilder) -> Result<Self, OpenError> {
        let (connection, ()) = file.open_with(prepare)?;
        let name = file.name().into();
        let file = file.share(connection)?;
        Ok(Self { file, name })
    }

    pub(super) fn path(&self) -> &Path {
        self.file.path()
    }

    /// What `work` comes to, in a transaction that has the lock from the start.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, LeaseError> {
        // With nothing to tell starts of the machine apart, what one program holds would be another's for the asking.
        if cfg!(target_os = "linux") && boot().is_empty() {
            return Err(LeaseError::new(
                "which start of the machine this is cannot be told: /proc/sys/kernel/random/boot_id cannot be read; mount /proc",
            ));
        }
        let mut write = move |connection: &mut Connection| {
            let transaction = begin(connection)?;
            let done = work(&transaction)?;
            transaction.commit()?;
            Ok::<_, rusqlite::Error>(done)
        };
        let written = self
            .file
            .run(move |connection| with_room(connection, &mut write))
            .await;
        match written {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => {
                let why = refused(&error, self.file.busy_timeout());
                Err(LeaseError::new(format!("{}: {why}", self.name)))
            }
            Err(panicked) => Err(LeaseError::new(panicked)),
        }
    }
}
