//! A clock that jumps, for all workers at once: that of the machine, with what a file says added to it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

/// Debian's `faketime` has it.
const LIBRARY: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

pub(crate) struct Clock {
    file: PathBuf,
}

impl Clock {
    /// `None`, and a word about it, where there is no library for it.
    pub(crate) fn make(directory: &Path) -> Option<Self> {
        if !Path::new(LIBRARY).exists() {
            test_servers::skipped("clocks that jump, since faketime is not installed");
            return None;
        }
        let clock = Self {
            file: directory.join("clock"),
        };
        // A library that does nothing would make all that follows prove nothing.
        clock.jump(3600);
        let ahead = clock.seconds_ahead();
        assert!(
            (3590..3700).contains(&ahead),
            "a clock that is to be an hour ahead is {ahead} s ahead"
        );
        clock.jump(0);
        Some(clock)
    }

    /// The clock is so many seconds ahead from now on.
    pub(crate) fn jump(&self, ahead: i64) {
        // As a whole: a worker may read it at any time.
        let new = self.file.with_extension("new");
        std::fs::write(&new, format!("{ahead:+}")).unwrap();
        std::fs::rename(new, &self.file).unwrap();
    }

    /// How far a program that wears it is ahead of this one.
    fn seconds_ahead(&self) -> i64 {
        let mut date = Command::new("date");
        self.wear(&mut date);
        let said = date.arg("+%s").output().unwrap().stdout;
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
        String::from_utf8(said)
            .unwrap()
            .trim()
            .parse::<i64>()
            .unwrap()
            - i64::try_from(now).unwrap()
    }

    pub(crate) fn wear(&self, worker: &mut Command) {
        worker
            .env("LD_PRELOAD", LIBRARY)
            .env("FAKETIME_TIMESTAMP_FILE", &self.file)
            .env("FAKETIME_NO_CACHE", "1")
            // What counts spans of time does not jump.
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    }
}
