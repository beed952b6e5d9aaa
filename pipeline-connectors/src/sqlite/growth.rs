//! When a write-ahead log is moved into its file.

use rusqlite::Connection;
use rusqlite::hooks::Wal;

/// Pages, for the first time: 256 KiB of the usual size.
const FIRST: i32 = 64;
/// Pages, from then on; SQLite's own number.
const MOST: i32 = 1_000;

/// How long the log may become. Not long at first, and twice as long each time: so a file soon has the length that it
/// needs, and on a disk that is full its log can be moved into it without more room.
#[derive(Debug, Clone, Copy)]
pub(super) struct Growth {
    next: i32,
    most: i32,
}

impl Growth {
    pub(super) fn new(first: i32, most: i32) -> Self {
        Self { next: first, most }
    }

    /// Whether it is time to move a log of so many pages.
    pub(super) fn is_time(&mut self, pages: i32) -> bool {
        let is_time = pages >= self.next;
        if is_time {
            self.next = self.next.saturating_mul(2).min(self.most);
        }
        is_time
    }
}

impl Default for Growth {
    fn default() -> Self {
        Self::new(FIRST, MOST)
    }
}

/// Lets the commits of a connection move the log when it is time.
pub(super) fn move_log(connection: &mut Connection) -> rusqlite::Result<()> {
    let mut growth = Growth::default();
    connection.wal_hook(Some(move |wal: &mut Wal, pages| {
        if growth.is_time(pages) {
            // What was committed is in the log; if this cannot be done now, a later commit does it.
            let _ = wal.checkpoint();
        }
        Ok(())
    }))
}
