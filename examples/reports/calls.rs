//! A note of every call that a worker makes, so that it can be said afterwards what ran twice.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;

/// A file with a line for each call of a stage, written before the call does anything. It survives the process.
#[derive(Debug, Clone)]
pub struct Calls(Arc<File>);

impl Calls {
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self(Arc::new(file)))
    }

    /// Notes that a stage is called for a task.
    pub fn note(&self, task: &str, key: &str) -> io::Result<()> {
        // One write, so that lines of several threads and processes stay whole.
        (&*self.0).write_all(format!("{task}/{key}\n").as_bytes())
    }
}
