//! What was done in the name of deliveries that were over.

use std::collections::{HashMap, HashSet};

use super::books::Taken;
use super::note::Note;
use crate::crew::Zombie;

/// What processes did after they were stopped for longer than a lease, for messages of which a newer delivery had begun
/// elsewhere before they went on, each with what was noted there. A delivery that the queue has forgotten is none.
///
/// A thread may have been stopped between the look at the lease and the call, so the first that each of them does is not
/// among it.
pub(super) fn by_zombies(
    notes: &str,
    zombies: &[Zombie],
    taken: Option<&HashSet<Taken>>,
) -> Vec<String> {
    let mut found = Vec::new();
    for zombie in zombies {
        let process = zombie.process.to_string();
        let (before, after) = notes.split_at(usize::try_from(zombie.went_on).unwrap());
        let mut newest = HashMap::<_, (u32, &str)>::new();
        for line in before.lines() {
            let note = Note::of(line);
            if note.process != process && is_known(&note, taken) {
                let newest = newest.entry(note.message).or_default();
                *newest = (note.count, line).max(*newest);
            }
        }
        let mut threads = HashSet::new();
        for line in after.lines() {
            let note = Note::of(line);
            let is_old = |(count, _): &&(u32, &str)| note.count < *count;
            if note.process == process
                && !threads.insert(note.thread)
                && let Some((_, newer)) = newest.get(note.message).filter(is_old)
            {
                found.push(format!("{line}, behind {newer}"));
            }
        }
    }
    found
}

fn is_known(note: &Note<'_>, taken: Option<&HashSet<Taken>>) -> bool {
    taken.is_none_or(|taken| {
        taken.contains(&Taken {
            process: note.process.to_owned(),
            message: note.message.to_owned(),
            count: note.count,
        })
    })
}
