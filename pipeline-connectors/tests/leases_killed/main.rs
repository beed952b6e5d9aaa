//! Programs that compete for a lease in a SQLite file, and are killed and stopped: looked at from outside.
#![cfg(all(unix, feature = "service", feature = "sqlite"))]

mod fenced;
mod leading;
mod ticks;

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

const PATIENCE: Duration = Duration::from_secs(60);

fn note(log: &Path, line: &str) {
    let log = OpenOptions::new().append(true).create(true).open(log);
    let line = format!("{line}\n");
    // One write: of several programs none writes into the line of another.
    log.unwrap().write_all(line.as_bytes()).unwrap();
}

fn signal(who: u32, signal: Signal) {
    let id = Pid::from_raw(i32::try_from(who).unwrap()).unwrap();
    kill_process(id, signal).unwrap();
}

/// Waits until it holds.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "it does not happen that {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
