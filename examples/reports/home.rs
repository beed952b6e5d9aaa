//! The directory of a run: what is in files whatever the queue.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::spool::Spool;

/// The files of the reports, the notes of calls, and what a place keeps beside them.
#[derive(Debug, Clone)]
pub struct Home(PathBuf);

impl Home {
    pub fn at(dir: &Path) -> Self {
        Self(dir.to_path_buf())
    }

    pub fn dir(&self) -> &Path {
        &self.0
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn calls(&self) -> PathBuf {
        self.file("calls.txt")
    }

    /// What the second program has heard.
    pub fn heard(&self) -> PathBuf {
        self.file("heard.txt")
    }

    pub fn spool(&self) -> Spool {
        Spool(self.file("spool"))
    }

    /// Makes the directory, without what an earlier run has left in these files.
    pub fn begin(&self, files: &[PathBuf]) -> io::Result<()> {
        for file in files.iter().chain([&self.calls(), &self.heard()]) {
            match fs::remove_file(file) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        // Its files are written over.
        fs::create_dir_all(self.spool().0)
    }
}
