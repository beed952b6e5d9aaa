//! Whether the system has run out of file descriptors, which it says in the midst of anything.

use std::io;

/// What to do about it.
pub(crate) const ADVICE: &str = "no file descriptors are left; raise the limit (`ulimit -n`), or have fewer files and connections open";

/// Whether that is what an error says.
pub(crate) fn ran_out(error: &io::Error) -> bool {
    match error.raw_os_error() {
        // `ENFILE`, of the whole system, and `EMFILE`, of the process.
        Some(number) if cfg!(unix) => matches!(number, 23 | 24),
        Some(number) if cfg!(windows) => number == 4,
        _ => false,
    }
}
