//! What a transaction has to hold before it writes.

use pipeline_service::lease::{Lease, Stale};
use rusqlite::{Error, OptionalExtension as _, Transaction, ffi};

/// A lease that must not have been granted to anybody else, in the same file.
#[derive(Debug, Clone)]
pub(crate) struct Fence(pub(crate) Lease);

impl Fence {
    /// An error if somebody else was granted the lease. The transaction has the lock of the file from its start: nobody is
    /// granted it before the end.
    pub(super) fn hold(&self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        let Self(lease) = self;
        let current = "SELECT token FROM brigade_lease WHERE name = ?1";
        let mut current = transaction.prepare_cached(current)?;
        let current: Option<u64> = current
            .query_row([&**lease.name()], |row| row.get(0))
            .optional()?;
        if current == Some(lease.token()) {
            return Ok(());
        }
        let stale = Stale::new(
            lease.name().clone(),
            lease.token(),
            current.unwrap_or_default(),
        );
        // What is not for these rows alone, nor passes.
        let closed = ffi::Error::new(ffi::SQLITE_PERM);
        Err(Error::SqliteFailure(closed, Some(stale.to_string())))
    }
}
