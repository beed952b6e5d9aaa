//! The files of this process that are open, and how their logs are cut.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};

use super::patience::{Patience, wait_for_locks};

/// How long to wait until nobody writes or reads a log.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long to leave a log alone that could not be cut: trying copies all that is in it.
const REST: Duration = Duration::from_secs(1);

static OPEN: Mutex<Vec<Weak<Logged>>> = Mutex::new(Vec::new());

/// A file with a log. It is known here until the last of its connections drops this.
#[derive(Debug)]
pub(super) struct Logged {
    file: PathBuf,
    log: PathBuf,
    in_vain: Mutex<Option<Instant>>,
}

/// Those on a disk.
pub(super) fn on(disk: Disk) -> Vec<Arc<Logged>> {
    let open: Vec<_> = lock(&OPEN).iter().filter_map(Weak::upgrade).collect();
    open.into_iter()
        .filter(|open| Disk::of(&open.file) == Some(disk))
        .collect()
}

/// None where there is no path that could be opened once more.
pub(super) fn path(connection: &Connection) -> Option<&str> {
    // Absolute, for the program may go to another folder meanwhile.
    connection.path().filter(|path| !path.is_empty())
}

/// Where the log of a file is.
pub(super) fn log(connection: &Connection) -> Option<PathBuf> {
    path(connection).map(|path| format!("{path}-wal").into())
}

impl Logged {
    pub(super) fn of(connection: &Connection) -> Option<Arc<Self>> {
        let logged = Arc::new(Self {
            file: path(connection)?.into(),
            log: log(connection)?,
            in_vain: Mutex::new(None),
        });
        let mut open = lock(&OPEN);
        open.retain(|known| known.strong_count() > 0);
        open.push(Arc::downgrade(&logged));
        Some(logged)
    }

    /// Moves the log into its file and makes it empty, as far as nobody reads it. Returns whether it is shorter now.
    pub(super) fn cut(&self) -> bool {
        let before = self.length();
        let mut in_vain = lock(&self.in_vain);
        if before == 0 || in_vain.is_some_and(|tried| tried.elapsed() < REST) {
            return false;
        }
        // If it cannot be done, the length tells.
        let _ = self.try_cut();
        let cut = self.length() < before;
        *in_vain = (!cut).then(Instant::now);
        cut
    }

    /// It is worth another try: there is more room.
    pub(super) fn may_be_cut(&self) {
        *lock(&self.in_vain) = None;
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

/// Which disk a file is on; where that cannot be told, all are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Disk(u64);

impl Disk {
    pub(super) fn of(path: impl AsRef<Path>) -> Option<Self> {
        let found = fs::metadata(path).ok()?;
        #[cfg(unix)]
        let disk = std::os::unix::fs::MetadataExt::dev(&found);
        #[cfg(not(unix))]
        let disk = found.len().min(0);
        Some(Self(disk))
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing under these locks can be left half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
