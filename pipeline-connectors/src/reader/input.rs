//! One input of a reader.

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::path::PathBuf;
use std::sync::Arc;

use super::error::Refused;
use super::patient::Patient;
use super::{ReadError, ReadErrorKind, ReadStats};
use crate::descriptors;

/// Something to read lines from.
#[derive(Debug)]
pub(crate) enum Input {
    #[cfg_attr(not(feature = "files"), expect(dead_code, reason = "made by `files`"))]
    File(PathBuf),
    #[cfg_attr(not(feature = "stdin"), expect(dead_code, reason = "made by `stdin`"))]
    Stdin,
}

/// An input's bytes.
pub(super) struct Opened {
    pub(super) bytes: Box<dyn Read + Send>,
    /// Whether all of it is there at once, so that reading on until a block is full holds no line back.
    pub(super) regular: bool,
}

impl Input {
    pub(super) fn name(&self) -> Arc<str> {
        match self {
            Self::File(path) => path.to_string_lossy().into(),
            Self::Stdin => "stdin".into(),
        }
    }

    /// Its bytes on the disk; 0 if there is nothing to be read, `None` if it cannot be known.
    pub(super) fn size(&self) -> Option<u64> {
        match self {
            Self::File(path) => match path.metadata() {
                Ok(metadata) if metadata.is_file() => Some(metadata.len()),
                Ok(metadata) if metadata.is_dir() => Some(0),
                Ok(_) => None,
                Err(_) => Some(0),
            },
            Self::Stdin => None,
        }
    }

    pub(super) fn open(&self, stats: &ReadStats) -> Result<Opened, ReadError> {
        let (bytes, regular): (Box<dyn Read + Send>, bool) = match self {
            Self::File(path) => {
                let (file, metadata) = open_file(path).map_err(not_opened)?;
                if metadata.is_file() {
                    (Box::new(Whole::new(file, metadata.len())), true)
                } else {
                    (Box::new(Patient(file)), false)
                }
            }
            Self::Stdin => (Box::new(Patient(io::stdin())), false),
        };
        let stats = stats.clone();
        Ok(Opened {
            bytes: Box::new(Counted { bytes, stats }),
            regular,
        })
    }
}

fn open_file(path: &PathBuf) -> io::Result<(File, Metadata)> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(ErrorKind::IsADirectory.into());
    }
    Ok((file, metadata))
}

fn not_opened(error: io::Error) -> ReadError {
    let kind = match error.kind() {
        ErrorKind::NotFound => ReadErrorKind::Missing,
        ErrorKind::PermissionDenied => ReadErrorKind::Denied,
        ErrorKind::IsADirectory => ReadErrorKind::Directory,
        _ if descriptors::ran_out(&error) => ReadErrorKind::NoDescriptors,
        _ => ReadErrorKind::Unreadable {
            read: 0,
            said: error.to_string(),
        },
    };
    ReadError { kind, error }
}

/// A regular file. One that is shorter at its end than it was has lost something of what it held.
struct Whole {
    file: Patient<File>,
    /// Its bytes when it was opened; 0 where a file is made as it is read, as those of the system are.
    size: u64,
    read: u64,
}

impl Whole {
    fn new(file: File, size: u64) -> Self {
        Self {
            file: Patient(file),
            size,
            read: 0,
        }
    }

    fn has_shrunk(&self) -> io::Result<bool> {
        let held = self.size.max(self.read);
        Ok(self.size > 0 && self.file.0.metadata()?.len() < held)
    }
}

impl Read for Whole {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.read += read as u64;
        if read == 0 && !buffer.is_empty() && self.has_shrunk()? {
            return Err(Refused::Shrunk.into());
        }
        Ok(read)
    }
}

/// Counts what is read.
struct Counted {
    bytes: Box<dyn Read + Send>,
    stats: ReadStats,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.bytes.read(buffer)?;
        self.stats.add_read(read);
        Ok(read)
    }
}
