//! What was recorded, and what was called all the same.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use super::books::Books;
use super::note::Note;

/// Reads along while the workers work: what is recorded, and then what they have noted.
pub(crate) struct Ledger {
    notes: File,
    /// Of a line that is not yet whole.
    rest: String,
    /// Each with its number: how many were recorded before it.
    recorded: HashMap<String, usize>,
    /// How many values had been recorded when a delivery began.
    begun: HashMap<String, usize>,
    pub(super) again: Vec<String>,
}

impl Ledger {
    pub(crate) fn open(notes: &Path) -> Self {
        let notes = File::options()
            .create(true)
            .append(true)
            .read(true)
            .open(notes);
        Self {
            notes: notes.unwrap(),
            rest: String::new(),
            recorded: HashMap::new(),
            begun: HashMap::new(),
            again: Vec::new(),
        }
    }

    /// A delivery that is read with a frame, or before it, may have begun before the record. Whether
    /// the books could be read.
    pub(crate) fn look(&mut self, books: &mut dyn Books) -> bool {
        let Some(frames) = books.recorded() else {
            return false;
        };
        self.notes.read_to_string(&mut self.rest).unwrap();
        let whole = self.rest.rfind('\n').map_or(0, |end| end + 1);
        let rest = self.rest.split_off(whole);
        for line in std::mem::replace(&mut self.rest, rest).lines() {
            self.note(line);
        }
        for frame in frames {
            let number = self.recorded.len();
            self.recorded.entry(frame).or_insert(number);
        }
        true
    }

    fn note(&mut self, line: &str) {
        let note = Note::of(line);
        if note.call.is_none() {
            self.begun
                .insert(note.delivery.to_owned(), self.recorded.len());
            return;
        }
        let begun = self.begun.get(note.delivery).copied();
        let number = self.recorded.get(&note.frame());
        if number.is_some_and(|number| *number < begun.unwrap_or(usize::MAX)) {
            self.again.push(line.to_owned());
        }
    }
}
