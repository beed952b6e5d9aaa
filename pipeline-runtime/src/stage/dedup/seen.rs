//! What was seen, for how long, and what of it is not done yet.

use std::collections::VecDeque;
use std::hash::{BuildHasher as _, DefaultHasher, Hash, Hasher, RandomState};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::guard;
use crate::stage::hashed::ByHash;
use crate::ticket::{Ending, Now, Original, Rider};

/// The entries of a `dedup`. Of keys only a hash of 128 bits is kept, which nobody outside can foresee.
pub(super) struct Seen {
    keys: [RandomState; 2],
    begun: Instant,
    table: Mutex<Table>,
}

/// The hash of a key: in halves, or each entry would be aligned to 16 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Mark(u64, u64);

/// What an item is.
#[derive(Clone, Copy)]
pub(super) enum Sighted {
    /// The first of its key.
    First(Entered),
    /// A copy of one of which it is not known yet what becomes of it.
    CopyOfUnderWay,
    Copy,
}

/// An entry that was made.
#[derive(Clone, Copy)]
pub(super) struct Entered {
    hash: Mark,
    number: u64,
}

struct Table {
    most: NonZeroUsize,
    /// In nanoseconds.
    within: Option<u64>,
    /// The numbers of the entries.
    numbers: ByHash<Mark, u64>,
    /// By the time of the first sight. What was removed is left here until its turn comes, or until it is half of all.
    order: VecDeque<Entry>,
    next: u64,
    /// The entries that are provisional: what becomes of their items is not known yet.
    under_way: ByHash<u64, UnderWay>,
    /// Entries that were forgotten before their time.
    forgotten: u64,
}

/// An item that is on its way, and its message, if it is one.
struct UnderWay(Option<Arc<dyn Original>>);

struct Entry {
    hash: Mark,
    number: u64,
    /// In nanoseconds since the stage was wired.
    at: u64,
}

impl Seen {
    pub(super) fn new(most: NonZeroUsize, within: Option<Duration>) -> Self {
        Self {
            keys: [RandomState::new(), RandomState::new()],
            begun: Instant::now(),
            table: Mutex::new(Table {
                most,
                within: within.map(nanos),
                numbers: ByHash::default(),
                order: VecDeque::new(),
                next: 0,
                under_way: ByHash::default(),
                forgotten: 0,
            }),
        }
    }

    /// Never held while foreign code runs.
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The hash of a key, whose own `Hash` is called once.
    pub(super) fn hash(&self, key: &impl Hash) -> Mark {
        let mut both = Both(self.keys.each_ref().map(RandomState::build_hasher));
        key.hash(&mut both);
        let [one, other] = both.0.map(|half| half.finish());
        Mark(one, other)
    }

    /// Enters what was not seen before. `original` is the message that it comes from, if it is one, and `comes_again`
    /// whether it may come again if it is not done.
    pub(super) fn enter(
        &self,
        hash: Mark,
        now: Instant,
        original: Option<&Arc<dyn Original>>,
        comes_again: bool,
    ) -> Sighted {
        let at = nanos(now.saturating_duration_since(self.begun));
        let mut table = self.lock();
        let mut gone = table.expire(at);
        let first = table.numbers.get(&hash).copied();
        let sighted = match first.map(|number| (number, table.under_way.get(&number))) {
            Some((_, None)) => Sighted::Copy,
            // If the first is not done, both come again.
            Some((_, Some(first))) if first.is_of(original) => Sighted::Copy,
            Some((_, Some(first))) if !first.has_come_again(original) => Sighted::CopyOfUnderWay,
            known => {
                if let Some((number, _)) = known {
                    gone.extend(table.remove(Entered { hash, number }));
                }
                gone.extend(table.make_room());
                let original = comes_again.then(|| UnderWay(original.cloned()));
                Sighted::First(table.add(hash, at, original))
            }
        };
        drop(table);
        let_go_of(gone);
        sighted
    }

    /// How many were forgotten since it was asked last.
    pub(super) fn forgotten(&self) -> u64 {
        std::mem::take(&mut self.lock().forgotten)
    }

    /// Who is told what becomes of the item of an entry.
    pub(super) fn rider(self: &Arc<Self>, entered: Entered) -> Arc<dyn Rider> {
        Arc::new(Watching {
            seen: Arc::clone(self),
            entered,
        })
    }
}

impl Table {
    /// Removes what is too old; the messages of it.
    fn expire(&mut self, now: u64) -> Vec<Arc<dyn Original>> {
        let mut gone = Vec::new();
        let Some(within) = self.within else {
            return gone;
        };
        while let Some(first) = self.order.front()
            && now.saturating_sub(first.at) >= within
        {
            let Entry { hash, number, .. } = *first;
            self.order.pop_front();
            gone.extend(self.remove(Entered { hash, number }));
        }
        gone
    }

    /// Forgets the oldest entry if there are as many as there may be; its message.
    fn make_room(&mut self) -> Option<Arc<dyn Original>> {
        while self.numbers.len() >= self.most.get() {
            let Entry { hash, number, .. } = self.order.pop_front()?;
            let before = self.numbers.len();
            let gone = self.remove(Entered { hash, number });
            if self.numbers.len() < before {
                self.forgotten += 1;
                return gone;
            }
        }
        None
    }

    fn add(&mut self, hash: Mark, at: u64, under_way: Option<UnderWay>) -> Entered {
        let number = self.next;
        self.next += 1;
        self.numbers.insert(hash, number);
        if self.order.len() >= 2 * self.numbers.len() + 64 {
            let numbers = &self.numbers;
            self.order
                .retain(|entry| numbers.get(&entry.hash) == Some(&entry.number));
        }
        self.order.push_back(Entry { hash, number, at });
        if let Some(under_way) = under_way {
            self.under_way.insert(number, under_way);
        }
        Entered { hash, number }
    }

    /// Removes an entry, if it is still there; its message, if nothing is known of that yet.
    fn remove(&mut self, Entered { hash, number }: Entered) -> Option<Arc<dyn Original>> {
        if self.numbers.get(&hash) == Some(&number) {
            self.numbers.remove(&hash);
        }
        self.under_way.remove(&number)?.0
    }
}

impl UnderWay {
    /// Whether both are of one delivery.
    fn is_of(&self, original: Option<&Arc<dyn Original>>) -> bool {
        let first = self.0.as_ref().zip(original);
        first.is_some_and(|(first, original)| Arc::ptr_eq(first, original))
    }

    /// Whether its message has come again as this one: it is the same, or it is not ours any more, as far as is known here.
    /// This one is not dropped for it, or both may be gone.
    fn has_come_again(&self, original: Option<&Arc<dyn Original>>) -> bool {
        let Some(first) = &self.0 else { return false };
        let is_same = |other: &Arc<dyn Original>| {
            other.queue() == first.queue()
                && other.id() == first.id()
                && other.number() == first.number()
        };
        original.is_some_and(is_same) || first.lease_end().has_passed(&mut Now::default())
    }
}

/// Over 584 years are as good as these.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// They drop what is the user's.
fn let_go_of(originals: impl IntoIterator<Item = Arc<dyn Original>>) {
    originals
        .into_iter()
        .for_each(|original| guard::quietly(|| drop(original)));
}

/// Tells what becomes of the item of an entry.
struct Watching {
    seen: Arc<Seen>,
    entered: Entered,
}

impl Rider for Watching {
    fn ended(&self, _: Ending) {
        let gone = self.seen.lock().under_way.remove(&self.entered.number);
        let_go_of(gone.and_then(|under_way| under_way.0));
    }

    fn undone(&self) {
        let gone = self.seen.lock().remove(self.entered);
        let_go_of(gone);
    }
}

/// Two hashers that hash the same with different keys.
struct Both([DefaultHasher; 2]);

impl Hasher for Both {
    fn finish(&self) -> u64 {
        self.0[0].finish()
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.iter_mut().for_each(|hasher| hasher.write(bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::{Entry, Mark};

    /// Documented: 60 to 120 bytes a key, with the room that a map and a ring keep free.
    #[test]
    fn a_key_takes_so_much_room() {
        assert_eq!((size_of::<(Mark, u64)>(), size_of::<Entry>()), (24, 32));
    }
}
