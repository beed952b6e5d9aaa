//! A note of every call that a worker makes, so that it can be said afterwards what ran twice.
//!
//! A line that is one word says that a delivery begins; `delivery task/key` that a stage is called for it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;

use brigade::queue::Delivery;

/// A file with a line for each call of a stage, written before the call does anything. It survives the process.
#[derive(Debug, Clone)]
pub struct Calls(Arc<File>);

impl Calls {
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self(Arc::new(file)))
    }

    /// Notes that a delivery begins, before anything is looked up for it.
    pub fn begin(&self, message: &Delivery<String>) -> io::Result<()> {
        self.line(&delivery(message))
    }

    /// Notes that a stage is called.
    pub fn note(&self, message: &Delivery<String>, key: &str) -> io::Result<()> {
        self.line(&format!("{} {}/{key}", delivery(message), message.id()))
    }

    /// In one write, so that lines of several threads and processes stay whole.
    pub fn line(&self, line: &str) -> io::Result<()> {
        (&*self.0).write_all(format!("{line}\n").as_bytes())
    }
}

/// One word for one delivery: a message that was sent twice may be on its way twice, even in one process.
fn delivery(message: &Delivery<String>) -> String {
    let place = std::ptr::from_ref(message.body()).addr();
    format!("{}:{place:x}", std::process::id())
}
