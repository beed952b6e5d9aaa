//! Room on a disk that is full: that of write-ahead logs whose pages fit into their files is given back.
//!
//! A log that was moved into its file is written from its start again, and keeps its length; and it is moved only after a
//! commit, of which there is none on a full disk. So the logs of a few files could fill a small disk and keep it full.
//!
//! To be moved, a log needs room as well: its file grows by the pages that are new. While somebody reads it cannot be
//! moved at all, a process that was stopped meanwhile say, and goes on growing. If it took the last room, nothing could
//! ever move it. So nothing is written on top of a log that is longer than what room there is.

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior, ffi};

use super::Cause;
use super::logged::{self, Disk, lock};

/// Where and when room was given back last. Held while that is tried.
static GIVEN: Mutex<Option<(Disk, Instant)>> = Mutex::new(None);

/// More than most transactions write, in bytes.
const TRANSACTION: u64 = 64 * 1024;

/// What works on a file.
pub(crate) trait Connected {
    fn connection(&self) -> &Connection;
}

/// Does a transaction. If the disk is full and logs on it give room back, does it once more.
pub(crate) fn with_room<C: Connected, T, E: Cause>(
    connected: &mut C,
    mut transaction: impl FnMut(&mut C) -> Result<T, E>,
) -> Result<T, E> {
    let begun = Instant::now();
    match transaction(connected) {
        Err(error)
            if error.cause().is_some_and(is_full) && give_back(connected.connection(), begun) =>
        {
            transaction(connected)
        }
        done => done,
    }
}

/// A transaction that has the lock from the start: so a file that is locked shows before anything is written, and none
/// that began with reading is overtaken. On a disk where its log would take room that it must not, it fails as on a full
/// one.
pub(crate) fn begin(connection: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    leave_room(&transaction)?;
    Ok(transaction)
}

/// To be called first in each transaction that writes, which has the lock: the log of an open one grows by nobody else.
pub(crate) fn leave_room(connection: &Connection) -> rusqlite::Result<()> {
    let Some(log) = logged::log(connection) else {
        return Ok(());
    };
    let length = fs::metadata(&log).map_or(0, |log| log.len());
    // One that is empty needs no room to be moved, whatever is written to it in vain.
    if length == 0 || free(&log).is_none_or(|free| free >= length + TRANSACTION) {
        return Ok(());
    }
    let full = ffi::Error::new(ffi::SQLITE_FULL);
    Err(rusqlite::Error::SqliteFailure(full, None))
}

/// How many bytes there is room for on the disk of a file, if it tells.
fn free(file: &Path) -> Option<u64> {
    #[cfg(unix)]
    let free = rustix::fs::statvfs(file)
        .ok()
        // A file system that knows no number of blocks says that there are none.
        .filter(|disk| disk.f_blocks > 0)
        .map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize));
    #[cfg(not(unix))]
    let free = file.parent().and(None);
    free
}

pub(super) fn is_full(error: &rusqlite::Error) -> bool {
    // The second is told where there is no room for the index of a log.
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
        || error
            .sqlite_error()
            .is_some_and(|error| error.extended_code == ffi::SQLITE_IOERR_SHMSIZE)
}

/// Returns whether there may be more room than at the time of `begun`.
#[cold]
fn give_back(connection: &Connection, begun: Instant) -> bool {
    let Some(disk) = logged::path(connection).and_then(Disk::of) else {
        return false;
    };
    let mut given = lock(&GIVEN);
    if given.is_some_and(|(at, when)| at == disk && when > begun) {
        return true;
    }
    let is_given = cut_all(disk);
    if is_given {
        *given = Some((disk, Instant::now()));
    }
    is_given
}

/// Returns whether any log is shorter now.
fn cut_all(disk: Disk) -> bool {
    let files = logged::on(disk);
    let mut given = false;
    // One that is cut makes room, in which another can be moved into its file.
    for _ in &files {
        if files.iter().filter(|file| file.cut()).count() == 0 {
            break;
        }
        given = true;
        for file in &files {
            file.may_be_cut();
        }
    }
    given
}

impl Connected for Connection {
    fn connection(&self) -> &Connection {
        self
    }
}
