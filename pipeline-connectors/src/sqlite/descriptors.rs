//! Whether files can be opened at all.

use std::fs::File;
use std::io::Error;

/// As many as SQLite has open at a time beside the database: the log, its index, and another for a moment.
const NEEDED: usize = 3;

/// Whether file descriptors ran out. SQLite tells no more than that a file could not be opened.
#[cold]
pub(super) fn no_descriptors() -> bool {
    // Any file but the database: if that were closed here, the process would lose its locks on it.
    let opened: Result<Vec<File>, Error> = (0..NEEDED).map(|_| File::open("/")).collect();
    opened.is_err_and(|error| is_out_of_descriptors(&error))
}

/// Of the process (`EMFILE`), or of the machine (`ENFILE`).
pub(super) fn is_out_of_descriptors(error: &Error) -> bool {
    cfg!(unix) && matches!(error.raw_os_error(), Some(23 | 24))
}
