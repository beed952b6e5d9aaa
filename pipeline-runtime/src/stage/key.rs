//! What tells which of a group's items must not be worked on at the same time.

use std::hash::{BuildHasher as _, Hash, RandomState};

use crate::rate::Rate;

/// The key that a worker knows of an item: `()` where all items may be worked on at the same time. A type, so that a group
/// without keys is compiled without anything of them.
pub trait Key: Copy + Send + Sync + 'static {
    /// Whether there are keys.
    const KEYED: bool;

    /// The key with this hash.
    fn of(hash: u64) -> Self;

    /// Its hash.
    fn hash(self) -> u64;
}

impl Key for () {
    const KEYED: bool = false;

    fn of(_hash: u64) -> Self {}

    fn hash(self) -> u64 {
        0
    }
}

/// The hash of what `by` says of an item. Items of one key have one hash; two keys may share one, and then an order.
#[derive(Debug, Clone, Copy)]
pub struct ByKey(u64);

impl Key for ByKey {
    const KEYED: bool = true;

    fn of(hash: u64) -> Self {
        Self(hash)
    }

    fn hash(self) -> u64 {
        self.0
    }
}

/// Hashes what `by` says. The seed is a random one for each stage, so that nobody can choose keys that share an order.
#[derive(Debug, Clone)]
pub struct Hashing(RandomState);

impl Hashing {
    /// That of a stage. Those that share a rate for each key tell keys in one way.
    pub(crate) fn of_stage(rate: Option<&Rate>) -> Self {
        let seed = rate.and_then(Rate::seed);
        Self(seed.unwrap_or_default())
    }

    /// The hash of a key.
    pub(crate) fn of<H: Hash + ?Sized>(&self, key: &H) -> u64 {
        self.0.hash_one(key)
    }
}
