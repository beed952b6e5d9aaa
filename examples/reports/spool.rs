//! The files of the reports.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::PathBuf;

use brigade::BoxError;

use crate::errors::Rejected;
use crate::report::Report;

/// A directory of files.
#[derive(Debug, Clone)]
pub struct Spool(pub PathBuf);

impl Spool {
    pub fn write(&self, report: &Report) -> io::Result<()> {
        fs::write(self.0.join(&report.file), report.text())
    }

    pub fn lose(&self, report: &Report) -> io::Result<()> {
        match fs::remove_file(self.0.join(&report.file)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Reads a file. Blocks.
    pub fn load(&self, report: &Report) -> Result<Vec<u8>, BoxError> {
        fs::read(self.0.join(&report.file)).map_err(|error| match error.kind() {
            ErrorKind::NotFound => Rejected(format!("there is no file {}", report.file)).into(),
            // It may pass.
            _ => error.into(),
        })
    }
}
