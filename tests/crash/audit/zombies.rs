//! What was done in the name of deliveries that were over.

use std::collections::{HashMap, HashSet};

use super::note::Note;
use crate::crew::Zombie;

/// What processes did after they were stopped for longer than a lease, for messages of which a newer delivery had begun
/// elsewhere before they went on.
///
/// A thread may have been stopped between the look at the lease and the call, so the first that each of them does is not
/// among it.
pub(super) fn by_zombies(notes: &str, zombies: &[Zombie]) -> Vec<String> {
    let mut found = Vec::new();
    for zombie in zombies {
        let process = zombie.process.to_string();
        let (before, after) = notes.split_at(usize::try_from(zombie.went_on).unwrap());
        let mut newest = HashMap::<_, u32>::new();
        for note in before.lines().map(Note::of) {
            if note.process != process {
                let newest = newest.entry(note.message).or_default();
                *newest = note.count.max(*newest);
            }
        }
        let mut threads = HashSet::new();
        for line in after.lines() {
            let note = Note::of(line);
            let is_old = |newest: &u32| note.count < *newest;
            if note.process == process
                && !threads.insert(note.thread)
                && newest.get(note.message).is_some_and(is_old)
            {
                found.push(line.to_owned());
            }
        }
    }
    found
}
