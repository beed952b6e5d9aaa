//! Room on a disk that is full: that of write-ahead logs whose pages fit into their files is given back.
//!
//! A log that was moved into its file is written from its start again, and keeps its length; and it is moved only after a
//! commit, of which there is none on a full disk. So the logs of a few files could fill a small disk and keep it full.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};

use super::Cause;
use super::patience::{Patience, wait_for_locks};

/// How long to wait until nobody writes or reads a log.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long to leave the logs alone when nothing could be given back: trying copies all that is in them.
const REST: Duration = Duration::from_secs(1);

/// The files of this process that are open, whichever disk they are on.
static OPEN: Mutex<Vec<Weak<Logged>>> = Mutex::new(Vec::new());

/// What became of the last tries. Held while one is made.
static LAST: Mutex<Last> = Mutex::new(Last {
    given: None,
    in_vain: None,
});

struct Last {
    given: Option<Instant>,
    in_vain: Option<Instant>,
}

/// A file with a log. It is known here until the last of its connections drops this.
#[derive(Debug)]
pub(super) struct Logged {
    file: PathBuf,
    log: PathBuf,
}

/// Does a transaction. If the disk is full and logs give room back, does it once more.
pub(crate) fn with_room<T, E: Cause>(
    mut transaction: impl FnMut() -> Result<T, E>,
) -> Result<T, E> {
    let begun = Instant::now();
    match transaction() {
        Err(error) if error.cause().is_some_and(is_full) && give_back(begun) => transaction(),
        done => done,
    }
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
fn give_back(begun: Instant) -> bool {
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if last.given.is_some_and(|given| given > begun) {
        return true;
    }
    if last.in_vain.is_some_and(|tried| tried.elapsed() < REST) {
        return false;
    }
    let given = cut_all();
    let now = Some(Instant::now());
    *(if given {
        &mut last.given
    } else {
        &mut last.in_vain
    }) = now;
    given
}

/// Returns whether any log is shorter now.
fn cut_all() -> bool {
    let files = open();
    let mut given = false;
    // One that is cut makes room, in which another can be moved into its file.
    for _ in &files {
        let cut = files.iter().filter(|file| file.cut()).count();
        if cut == 0 {
            break;
        }
        given = true;
    }
    given
}

fn open() -> Vec<Arc<Logged>> {
    let open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    open.iter().filter_map(Weak::upgrade).collect()
}

impl Logged {
    /// None where the file has no path that could be opened once more.
    pub(super) fn of(connection: &Connection) -> Option<Arc<Self>> {
        // Absolute, for the program may go to another folder meanwhile.
        let path = connection.path().filter(|path| !path.is_empty())?;
        let logged = Arc::new(Self {
            file: path.into(),
            log: format!("{path}-wal").into(),
        });
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|known| known.strong_count() > 0);
        open.push(Arc::downgrade(&logged));
        Some(logged)
    }

    /// Returns whether the log is shorter now.
    fn cut(&self) -> bool {
        let before = self.length();
        // If it cannot be done, the length tells.
        before > 0 && self.try_cut().is_ok() && self.length() < before
    }

    fn length(&self) -> u64 {
        fs::metadata(&self.log).map_or(0, |log| log.len())
    }

    /// On a connection of its own: any thread may do it, for any file.
    fn try_cut(&self) -> rusqlite::Result<()> {
        // Not made anew if somebody has moved it away.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(&self.file, flags)?;
        wait_for_locks(&mut connection, PATIENCE, ())?;
        let patience = Patience::new(PATIENCE);
        let cut = "PRAGMA wal_checkpoint(TRUNCATE)";
        while connection.query_row(cut, [], |row| row.get(0))? && patience.pause() {}
        Ok(())
    }
}
