//! Where a contender has its files.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{fs, process};

use crate::tools::target_dir;

/// A fresh folder on the disk that holds the target folder, removed with this. The one for temporary files may be in
/// memory, where `fsync` does nothing.
pub struct Place(PathBuf);

impl Place {
    /// A fresh one.
    #[expect(clippy::new_without_default, reason = "none is like another")]
    pub fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = target_dir().join(format!("place-{}-{number}", process::id()));
        fs::create_dir_all(&folder).expect("the target folder can be written");
        Self(folder)
    }

    /// A file in it, to be made.
    pub fn file(&self, name: &str) -> PathBuf {
        Path::new(&self.0).join(name)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).expect("the folder can be removed");
    }
}
