//! A file that is opened when it is needed.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The file of [`lines`](super::lines).
#[derive(Debug)]
pub struct LinesFile {
    path: PathBuf,
    appends: bool,
    file: Option<File>,
}

impl LinesFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            appends: false,
            file: None,
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn append(&mut self) {
        self.appends = true;
    }

    fn file(&mut self) -> io::Result<&mut File> {
        if let Some(ref mut file) = self.file {
            return Ok(file);
        }
        let mut options = OpenOptions::new();
        options.create(true);
        if self.appends {
            options.append(true);
        } else {
            options.write(true).truncate(true);
        }
        Ok(self.file.insert(options.open(&self.path)?))
    }
}

impl Write for LinesFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file()?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file()?.flush()
    }
}
