//! Documents in a file.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};

/// The documents of all indices, by their paths.
pub struct Store {
    file: File,
    end: u64,
    places: HashMap<String, (u64, usize)>,
}

impl Store {
    pub fn new() -> io::Result<Self> {
        let (file, end, places) = (tempfile::tempfile()?, 0, HashMap::new());
        Ok(Self { file, end, places })
    }

    /// Takes one, in the place of another with that id.
    pub fn put(&mut self, index: &str, id: &str, document: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.end))?;
        self.file.write_all(document)?;
        let place = (self.end, document.len());
        self.places.insert(format!("{index}/{id}"), place);
        self.end += document.len() as u64;
        Ok(())
    }

    pub fn get(&mut self, index: &str, id: &str) -> io::Result<Option<Vec<u8>>> {
        let Some((start, length)) = self.places.get(&format!("{index}/{id}")) else {
            return Ok(None);
        };
        let mut document = vec![0; *length];
        self.file.seek(SeekFrom::Start(*start))?;
        self.file.read_exact(&mut document)?;
        Ok(Some(document))
    }

    pub fn count(&self, index: &str) -> usize {
        let index = format!("{index}/");
        self.places
            .keys()
            .filter(|path| path.starts_with(&index))
            .count()
    }
}
