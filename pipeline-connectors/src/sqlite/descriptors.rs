//! Whether files can be opened at all.

use std::fs::File;
use std::io::Error;

use crate::descriptors::ran_out;

/// As many as SQLite has open at a time beside the database: the log, its index, and another for a moment.
const NEEDED: usize = 3;

/// Whether file descriptors ran out. SQLite tells no more than that a file could not be opened.
#[cold]
pub(super) fn no_descriptors() -> bool {
    // Any file but the database: if that were closed here, the process would lose its locks on it.
    let opened: Result<Vec<File>, Error> = (0..NEEDED).map(|_| File::open("/")).collect();
    opened.is_err_and(|error| ran_out(&error))
}
