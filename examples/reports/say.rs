//! What is said to a person: no work waits for it, or fails for it.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::sync::LazyLock;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

/// How many lines may wait for a standard error that is not read.
const WAITING: usize = 256;

static LINES: LazyLock<SyncSender<String>> = LazyLock::new(|| {
    let (lines, waiting) = sync_channel::<String>(WAITING);
    // Without it nothing is said, and the work goes on.
    let _ = thread::Builder::new().name("say".into()).spawn(move || {
        for line in waiting {
            complain(line);
        }
    });
    lines
});

/// A line on standard error, in the midst of work; dropped if there is no room for it.
pub fn say(line: String) {
    let _ = LINES.try_send(line);
}

/// A line on standard error, at the end of all work.
pub fn complain(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// What was asked for, on standard output. Whether anybody still wants more of it.
pub fn print(text: impl Display) -> bool {
    writeln!(io::stdout(), "{text}").is_ok()
}
