//! Maps whose keys are hashes, or numbers, already.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// By a hash, which is not hashed again.
pub(super) type ByHash<H, V> = HashMap<H, V, BuildHasherDefault<Hashed>>;

/// What is a hash already.
#[derive(Debug, Default)]
pub(super) struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _bytes: &[u8]) {
        unreachable!("only hashes are hashed")
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}
