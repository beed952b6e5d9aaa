//! How a part of a ticket is given up, and what that settles.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::awaited::Awaited;
use super::rider::{Ending, Last, Rider};
use super::{Entry, Fate, Lease, Of, Settled, Ticket};

impl Ticket {
    /// Resolves this part.
    pub(crate) fn resolve(mut self, fate: Fate) {
        self.give_up(fate, &mut |settled| {
            let keeper = Arc::clone(&settled.keeper);
            keeper.settle(&mut std::iter::once(settled));
        });
    }

    /// Somebody else has another part of it, which decides.
    pub(crate) fn handed_over(self) {
        self.resolve(Fate::Filtered);
    }

    #[cold]
    pub(super) fn release(&mut self) {
        std::mem::take(self).resolve(Fate::Again(Duration::ZERO));
    }

    /// Resolves all of these, which costs less than one after the other.
    pub(super) fn resolve_all(tickets: impl IntoIterator<Item = Self>, fate: Fate) {
        let tickets = tickets.into_iter();
        let mut all = Vec::with_capacity(tickets.size_hint().0);
        for mut ticket in tickets {
            ticket.give_up(fate, &mut |settled| all.push(settled));
        }
        settle_all(all);
    }

    /// Gives this part up; calls `settle` for each delivery that was resolved by it.
    pub(super) fn give_up(&mut self, fate: Fate, settle: &mut dyn FnMut(Settled)) {
        let Some(entry) = self.entry.take() else {
            return;
        };
        // Relaxed: `Arc::into_inner` orders what all parts have done before the last of them is given up.
        entry.fate.fetch_max(fate.code(), Ordering::Relaxed);
        let Some(Entry {
            mut fate,
            riders,
            of,
            ..
        }) = Arc::into_inner(entry)
        else {
            return;
        };
        let fate = Fate::of(*fate.get_mut());
        let comes_again = match &of {
            Of::Delivery(lease) => lease.keeper.comes_again(fate),
            _ => !fate.is_done(),
        };
        if comes_again {
            riders.undone();
        }
        // Who waits for the item is told behind all that is settled with it.
        let (tickets, _awaited) = match of {
            Of::Delivery(Lease { keeper, slot, .. }) => {
                settle(Settled {
                    keeper,
                    slot,
                    fate,
                    riders,
                });
                return;
            }
            Of::Nothing => (Vec::new(), Awaited::default()),
            Of::Batch(tickets) => (tickets, Awaited::default()),
            Of::Task(ticket) => (vec![ticket], Awaited::default()),
            Of::Awaited(ticket, awaited) => (vec![ticket], awaited),
            Of::Turn(turn, ticket) => {
                drop(turn);
                (vec![ticket], Awaited::default())
            }
        };
        if fate.is_final() {
            riders.all().for_each(|rider| go_on(rider, &tickets));
        } else if fate.is_release() {
            riders.all().for_each(|rider| rider.released());
        }
        for mut ticket in tickets {
            ticket.give_up(fate, settle);
        }
    }
}

/// Tells the keepers, of which there may be several: each at once of all that it has.
fn settle_all(mut settled: Vec<Settled>) {
    while let Some(first) = settled.first() {
        let keeper = Arc::clone(&first.keeper);
        let is_its = |settled: &Settled| Arc::ptr_eq(&settled.keeper, &keeper);
        if settled.iter().all(is_its) {
            return keeper.settle(&mut settled.drain(..));
        }
        let (its, others): (Vec<_>, Vec<_>) = settled.into_iter().partition(is_its);
        keeper.settle(&mut its.into_iter());
        settled = others;
    }
}

/// The rider of an item that is done goes on with all that the item came from.
fn go_on(rider: Arc<dyn Rider>, tickets: &[Ticket]) {
    let (mut leaves, mut seen) = (Vec::new(), HashSet::new());
    for ticket in tickets {
        ticket.visit(None, &mut seen, &mut |entry, _| leaves.push(entry));
    }
    match leaves[..] {
        // No message can come again.
        [] => rider.ended(Ending::Dropped),
        [only] => only.riders.add(rider),
        _ => {
            let last = Arc::new(Last::of(rider, leaves.len()));
            for leaf in leaves {
                leaf.riders.add(last.clone());
            }
        }
    }
}
