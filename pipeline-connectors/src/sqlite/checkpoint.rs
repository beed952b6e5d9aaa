//! Moves what is in the write-ahead log into the database file, while rows are being written.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;
use rusqlite::hooks::Wal;

use super::Sqlite;

/// With so many pages in the log it is time; the number is SQLite's own.
const BEGIN: i32 = 1_000;

/// The log begins anew only when nothing is left in it, and while rows are written without a pause, something always
/// is. At this many pages, 64 MiB of the usual size, the writer moves what is left itself.
const CATCH_UP: i32 = 16_000;

/// Works on a thread with a connection of its own, so that the writer does not wait for the disk. The thread begins
/// when there is something to be done, and ends when this is dropped.
#[derive(Debug)]
pub(super) struct Checkpointer(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    database: Sqlite,
    ended: AtomicBool,
    /// Held while it works.
    work: Mutex<()>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Checkpointer {
    /// Lets the writer's commits begin the work.
    pub(super) fn of(writer: &mut Connection, database: Sqlite) -> rusqlite::Result<Self> {
        let shared = Arc::new(Shared {
            database,
            ended: AtomicBool::new(false),
            work: Mutex::default(),
            thread: Mutex::default(),
        });
        let hooked = Arc::clone(&shared);
        writer.wal_hook(Some(move |wal: &mut Wal, pages| {
            if pages >= CATCH_UP || (pages >= BEGIN && !hooked.begin()) {
                // The rows are in the log; if this cannot be done now, the next commit tries again.
                let _ = wal.checkpoint();
            }
            Ok(())
        }))?;
        Ok(Self(shared))
    }

    /// Waits until it rests, and keeps it from working while this is held.
    pub(super) fn rest(&self) -> MutexGuard<'_, ()> {
        lock(&self.0.work)
    }
}

impl Shared {
    /// Returns false if it cannot work.
    fn begin(self: &Arc<Self>) -> bool {
        let mut thread = lock(&self.thread);
        if thread.is_none() {
            *thread = self.start();
        }
        if let Some(thread) = &*thread {
            thread.thread().unpark();
        }
        thread.is_some()
    }

    fn start(self: &Arc<Self>) -> Option<JoinHandle<()>> {
        let connection = self.database.connect().ok()?;
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
            // As above.
            let _ = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        }
    }
}

impl Drop for Checkpointer {
    /// Waits for the thread, since the connection that is closed last is the one that removes the log.
    fn drop(&mut self) {
        self.0.ended.store(true, SeqCst);
        let thread = lock(&self.0.thread).take();
        if let Some(thread) = thread {
            thread.thread().unpark();
            // A panic of it is nothing that could be dealt with here.
            let _ = thread.join();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing under these locks can be left half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
