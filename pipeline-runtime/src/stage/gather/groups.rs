//! The groups that are open, by their keys.

use std::hash::{BuildHasher as _, Hash, RandomState};

use slab::Slab;
use tokio::time::Instant;

use super::order::Order;
use crate::budget::Parked;
use crate::guard;
use crate::stage::hashed::ByHash;

/// What was gathered of one key so far.
pub(super) struct Open<Key, A, K> {
    pub(super) key: Key,
    pub(super) gathered: A,
    /// Those of its items.
    pub(super) tickets: Vec<K>,
    /// What these hold of a budget.
    pub(super) parked: Vec<Parked>,
    pub(super) items: usize,
    pub(super) bytes: u64,
    pub(super) due: Option<Instant>,
    hash: u64,
    /// Another one whose key has this hash.
    next: Option<usize>,
}

/// Hashes and compares keys only to find one: all else goes by numbers, and calls nothing of the user's.
pub(super) struct Groups<Key, A, K> {
    open: Slab<Open<Key, A, K>>,
    /// By the hash of their keys.
    first: ByHash<u64, usize>,
    hasher: RandomState,
    /// In the order in which they were opened, and so become due.
    opened: Order,
    /// The one that is idle longest is the first.
    idle: Order,
}

impl<Key: Hash + Eq, A, K> Groups<Key, A, K> {
    pub(super) fn new() -> Self {
        Self {
            open: Slab::new(),
            first: ByHash::default(),
            hasher: RandomState::new(),
            opened: Order::new(),
            idle: Order::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// The hash of a key, and its group if that is open. Calls what may panic.
    pub(super) fn find(&self, key: &Key) -> (u64, Option<usize>) {
        let hash = self.hasher.hash_one(key);
        let mut next = self.first.get(&hash).copied();
        while let Some(number) = next {
            let open = &self.open[number];
            if open.key == *key {
                break;
            }
            next = open.next;
        }
        (hash, next)
    }

    /// Opens a group for a key that has none.
    pub(super) fn open(&mut self, hash: u64, key: Key, gathered: A, due: Option<Instant>) -> usize {
        let number = self.open.insert(Open {
            key,
            gathered,
            tickets: Vec::new(),
            parked: Vec::new(),
            items: 0,
            bytes: 0,
            due,
            hash,
            next: None,
        });
        self.open[number].next = self.first.insert(hash, number);
        self.opened.push(number);
        self.idle.push(number);
        number
    }

    /// One that gets an item.
    pub(super) fn used(&mut self, number: usize) -> &mut Open<Key, A, K> {
        self.idle.remove(number);
        self.idle.push(number);
        &mut self.open[number]
    }

    pub(super) fn bytes(&self, number: usize) -> u64 {
        self.open[number].bytes
    }

    pub(super) fn longest_idle(&self) -> Option<usize> {
        self.idle.first()
    }

    pub(super) fn oldest(&self) -> Option<usize> {
        self.opened.first()
    }

    /// When the next group is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.open[self.oldest()?].due
    }

    pub(super) fn close(&mut self, number: usize) -> Open<Key, A, K> {
        let closed = self.open.remove(number);
        self.opened.remove(number);
        self.idle.remove(number);
        let first = self.first[&closed.hash];
        match (first == number, closed.next) {
            (true, None) => _ = self.first.remove(&closed.hash),
            (true, Some(next)) => _ = self.first.insert(closed.hash, next),
            (false, next) => {
                let mut before = first;
                while let Some(other) = self.open[before].next.filter(|other| *other != number) {
                    before = other;
                }
                self.open[before].next = next;
            }
        }
        closed
    }
}

impl<Key, A, K> Drop for Groups<Key, A, K> {
    fn drop(&mut self) {
        guard::let_go_of(self.open.drain());
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{Hash, Hasher};

    use super::Groups;

    /// Keys of which several have one hash.
    #[derive(PartialEq, Eq, Clone, Copy, Debug)]
    struct Key(u32);

    impl Hash for Key {
        fn hash<H: Hasher>(&self, state: &mut H) {
            (self.0 % 3).hash(state);
        }
    }

    #[test]
    fn keys_of_one_hash_are_told_apart_in_whatever_order_they_are_closed() {
        for skip in 1..6 {
            let mut groups = Groups::<Key, u32, ()>::new();
            for key in (0..9).map(Key) {
                let (hash, found) = groups.find(&key);
                assert_eq!(found, None);
                groups.open(hash, key, key.0, None);
            }
            for step in 0..9 {
                let key = Key((step * skip + step / 3) % 9);
                if let (_, Some(number)) = groups.find(&key) {
                    assert_eq!(groups.close(number).gathered, key.0);
                }
                assert_eq!(groups.find(&key).1, None);
            }
            let left: Vec<_> = (0..9)
                .filter(|key| groups.find(&Key(*key)).1.is_some())
                .collect();
            assert_eq!(groups.len(), left.len());
            for key in left {
                let number = groups.find(&Key(key)).1.unwrap();
                assert_eq!(groups.close(number).key, Key(key));
            }
            assert_eq!(groups.len(), 0);
        }
    }
}
