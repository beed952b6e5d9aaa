//! What is there in the end, as any program can see it.

mod books;
mod groups;
mod ledger;
mod note;
#[cfg(feature = "postgres")]
mod postgres;
mod sqlite;
mod zombies;

use std::collections::HashMap;
use std::fs;
use std::path::Path;

pub(crate) use books::Books;
pub(crate) use ledger::Ledger;
#[cfg(feature = "postgres")]
pub(crate) use postgres::Server;
pub(crate) use sqlite::Files;

use crate::crew::Zombie;
use crate::places::Places;

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) lost: Vec<u32>,
    pub(crate) twice: Vec<u32>,
    pub(crate) letters: Vec<String>,
    /// Calls of stages that were recorded when a delivery began that makes them.
    pub(crate) again: Vec<String>,
    /// What a process has begun after its leases had ended, of deliveries from before.
    pub(crate) by_zombies: Vec<String>,
    /// Messages of groups that came while others were not done with.
    pub(crate) overlaps: Vec<String>,
    pub(crate) out_of_order: Vec<String>,
}

pub(crate) fn look(
    books: &mut dyn Books,
    places: Places,
    messages: u32,
    notes: &Path,
    zombies: &[Zombie],
    ledger: Ledger,
) -> Found {
    let numbers = books.rows();
    let mut rows = HashMap::<u32, u32>::new();
    for number in &numbers {
        *rows.entry(*number).or_default() += 1;
    }
    let notes = fs::read_to_string(notes).unwrap();
    Found {
        lost: (0..messages)
            .filter(|number| !rows.contains_key(number))
            .collect(),
        twice: rows
            .iter()
            .filter(|(_, count)| **count > 1)
            .map(|(number, _)| *number)
            .collect(),
        letters: books.letters(),
        again: ledger.again,
        by_zombies: zombies::by_zombies(&notes, zombies, books.taken().as_ref()),
        overlaps: groups::overlaps(&books.turns()),
        out_of_order: groups::out_of_order(&numbers, |number| places.group(number)),
    }
}
