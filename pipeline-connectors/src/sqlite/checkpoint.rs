//! Moves what is in the write-ahead log into the database file, while rows are being written.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::hooks::Wal;
use rusqlite::{Connection, OpenFlags};

use super::growth::Growth;

/// Works on a thread with a connection of its own, so that the writer does not wait for the disk. The thread begins
/// when there is something to be done, and ends when this is dropped.
#[derive(Debug)]
pub(super) struct Checkpointer(Arc<Shared>);

/// How many pages of the log are how much.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// It is time to begin.
    begin: Growth,
    /// The log begins anew only when nothing is left in it, and while rows are written without a pause, something
    /// always is. From here on the writer waits, and moves what is left itself.
    catch_up: i32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            begin: Growth::default(),
            // 64 MiB of pages of the usual size.
            catch_up: 16_000,
        }
    }
}

#[derive(Debug)]
struct Shared {
    /// Absolute, for the program may go to another folder meanwhile. Empty where there is no file.
    path: PathBuf,
    ended: AtomicBool,
    /// Held while it works.
    work: Mutex<()>,
    worker: Mutex<Worker>,
}

#[derive(Debug)]
enum Worker {
    NotYet,
    Runs(JoinHandle<()>),
    /// It cannot be had, and is not tried again: each try may take as long as the file is locked.
    Never,
}

impl Checkpointer {
    /// Lets the writer's commits begin the work.
    pub(super) fn of(writer: &mut Connection, limits: Limits) -> rusqlite::Result<Self> {
        let shared = Arc::new(Shared {
            path: writer.path().unwrap_or_default().into(),
            ended: AtomicBool::new(false),
            work: Mutex::default(),
            worker: Mutex::new(Worker::NotYet),
        });
        let hooked = Arc::clone(&shared);
        let Limits {
            mut begin,
            catch_up,
        } = limits;
        writer.wal_hook(Some(move |wal: &mut Wal, pages| {
            if pages >= catch_up || (begin.is_time(pages) && !hooked.begin()) {
                let _rest = lock(&hooked.work);
                // The rows are in the log; if this cannot be done now, the next commit tries again.
                let _ = wal.checkpoint();
            }
            Ok(())
        }))?;
        Ok(Self(shared))
    }

    /// Moves what is in the log on the writer's own connection, as far as nobody reads it.
    pub(super) fn flush(&self, writer: &Connection) {
        let _rest = lock(&self.0.work);
        passive(writer);
    }
}

impl Shared {
    /// Returns false if it cannot work.
    fn begin(self: &Arc<Self>) -> bool {
        let mut worker = lock(&self.worker);
        if matches!(*worker, Worker::NotYet) {
            *worker = self.start().map_or(Worker::Never, Worker::Runs);
        }
        match &*worker {
            Worker::Runs(thread) => {
                thread.thread().unpark();
                true
            }
            Worker::NotYet | Worker::Never => false,
        }
    }

    fn start(self: &Arc<Self>) -> Option<JoinHandle<()>> {
        if self.path.as_os_str().is_empty() {
            return None;
        }
        // Not made anew if somebody has moved it away.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags).ok()?;
        connection.busy_timeout(Duration::ZERO).ok()?;
        // Whatever the writer's commits wait for: moved without any wait, a power failure could damage the file itself.
        connection
            .pragma_update(None, "synchronous", "NORMAL")
            .ok()?;
        let shared = Arc::clone(self);
        thread::Builder::new()
            .name("brigade-sqlite".to_owned())
            .spawn(move || shared.run(&connection))
            .ok()
    }

    fn run(&self, connection: &Connection) {
        loop {
            thread::park();
            if self.ended.load(SeqCst) {
                return;
            }
            let _work = lock(&self.work);
            passive(connection);
        }
    }
}

impl Drop for Checkpointer {
    /// Waits for the thread, since the connection that is closed last is the one that removes the log.
    fn drop(&mut self) {
        self.0.ended.store(true, SeqCst);
        let worker = std::mem::replace(&mut *lock(&self.0.worker), Worker::Never);
        if let Worker::Runs(thread) = worker {
            thread.thread().unpark();
            // A panic of it is nothing that could be dealt with here.
            let _ = thread.join();
        }
    }
}

fn passive(connection: &Connection) {
    // All is committed already: where this cannot be done now, it is done later.
    let _ = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing under these locks can be left half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
