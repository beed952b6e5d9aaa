//! The ticket of an item that somebody waits for.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::awaited::{Awaited, AwaitsEnd};
use super::{Carry as _, Entry, Fate, Of, Ticket};
use crate::budget::Load;

impl Ticket {
    /// The same of an item that somebody waits for.
    pub(crate) fn awaited(self, by: Arc<dyn AwaitsEnd>) -> Self {
        self.laden(|ticket| {
            let (ticket, before) = ticket.apart();
            ticket.awaited_by(Awaited::all([before, Awaited::by(by)]))
        })
    }

    pub(super) fn awaited_by(self, awaited: Awaited) -> Self {
        if awaited.is_by_nobody() {
            return self;
        }
        Self::new(Of::Awaited(self, awaited))
    }

    /// The ticket alone, and who waits for the item.
    pub(super) fn apart(self) -> (Self, Awaited) {
        let mut awaited = Awaited::default();
        let ticket = self.laden(|ticket| {
            let alone;
            (alone, awaited) = ticket.taken_apart();
            alone
        });
        (ticket, awaited)
    }

    fn taken_apart(mut self) -> (Self, Awaited) {
        let is_awaited = |entry: &mut Arc<Entry>| matches!(entry.of, Of::Awaited(..));
        let Some(entry) = self.entry.take_if(is_awaited) else {
            return (self, Awaited::default());
        };
        match Arc::try_unwrap(entry) {
            Ok(Entry { mut fate, of, .. }) => {
                let Of::Awaited(ticket, awaited) = of else {
                    unreachable!("it was looked at above")
                };
                if let Some(entry) = &ticket.entry {
                    // Relaxed, as where a part is given up: what other parts have come to.
                    entry.fate.fetch_max(*fate.get_mut(), Ordering::Relaxed);
                }
                (ticket, awaited)
            }
            Err(entry) => {
                let Of::Awaited(ticket, awaited) = &entry.of else {
                    unreachable!("it was looked at above")
                };
                let apart = (ticket.part(), awaited.clone());
                // What becomes of this part becomes of the one inside.
                self.entry = Some(entry);
                self.resolve(Fate::Filtered);
                apart
            }
        }
    }

    /// The same for who goes on with the item in its place: a part of every message that it stands for, without the tasks
    /// and batches in between. These end with what they were made for, and would be one more around the other each time
    /// that an item goes in again.
    ///
    /// It is no split: nothing is done of the part that stays behind. Who leases the messages hears of it: the item may outlive
    /// this pipeline.
    pub(super) fn part_of_messages(&self) -> Self {
        let (mut parts, mut seen, mut left) = (Vec::new(), HashSet::new(), vec![self]);
        while let Some(ticket) = left.pop() {
            let Some(entry) = &ticket.entry else { continue };
            if !seen.insert(Arc::as_ptr(entry)) {
                continue;
            }
            if let Of::Delivery(lease) = &entry.of {
                lease.keeper.handed_on(lease.slot);
                parts.push(Self {
                    entry: ticket.entry.clone(),
                    load: Load::NONE,
                });
            }
            left.extend(entry.of.tickets());
        }
        let parts = match parts.len() {
            0 | 1 => parts.pop().unwrap_or_default(),
            _ => Self::new(Of::Batch(parts)),
        };
        parts.loaded(self.load.clone())
    }
}
