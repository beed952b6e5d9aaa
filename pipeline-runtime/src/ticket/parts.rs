//! The ticket of a delivery beside its item, and beside all that is made of it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::awaited::Awaited;
use super::{Carry, Entry, Fate, KeptBy, Now, Of, OfDelivery, Stake, Ticket, Turn};
use crate::budget::{Load, Parked};

impl Carry for Ticket {
    type Or<K: Carry> = Self;

    type Scope = OfDelivery;

    #[inline]
    fn scope(&self) -> OfDelivery {
        OfDelivery::of(self)
    }

    fn done(self) {
        self.resolve(Fate::Done);
    }

    fn done_all(tickets: impl IntoIterator<Item = Self>) {
        Self::resolve_all(tickets, Fate::Done);
    }

    fn filtered(self) {
        self.resolve(Fate::Filtered);
    }

    fn lost(self) {
        self.resolve(Fate::Lost);
    }

    fn is_lost(&self, now: &mut Now) -> bool {
        self.has_lost(now)
    }

    fn part(&self) -> Self {
        if let Some(entry) = &self.entry {
            // Relaxed: whoever asks has got its own part after the first was made.
            entry.split.store(true, Ordering::Relaxed);
        }
        Self {
            entry: self.entry.clone(),
            load: self.load.clone(),
        }
    }

    fn join(tickets: Vec<Self>) -> Self {
        let mut loads = Vec::new();
        let apart = tickets.into_iter().map(|mut ticket| {
            loads.push(std::mem::take(&mut ticket.load));
            ticket.apart()
        });
        let (tickets, awaited): (Vec<_>, Vec<_>) = apart.unzip();
        let batch = if tickets.iter().all(Self::is_null) {
            Self::null()
        } else {
            Self::new(Of::Batch(tickets))
        };
        let batch = batch.awaited_by(Awaited::all(awaited));
        batch.loaded(Load::all(loads))
    }

    fn element(&self, index: usize) -> Self {
        self.element_of(index).loaded(self.load.clone())
    }

    fn stake(&self, stake: &mut Stake, batches: bool) {
        self.add_to(stake, batches, false);
    }

    fn settled(self) {
        self.resolve(Fate::Settled);
    }

    fn is_of_delivery(&self) -> bool {
        !self.messages().is_empty()
    }

    fn deliveries<'a>(of: KeptBy<'_>, tickets: impl IntoIterator<Item = &'a Self>) -> usize {
        let its = |entry: &Entry| match &entry.of {
            Of::Delivery(lease) => std::ptr::addr_eq(Arc::as_ptr(&lease.keeper), of.0),
            _ => false,
        };
        let (mut deliveries, mut parts) = (0, HashMap::<_, usize>::new());
        let mut left: Vec<_> = tickets.into_iter().collect();
        while let Some(ticket) = left.pop() {
            let Some(entry) = &ticket.entry else { continue };
            let found = parts.entry(Arc::as_ptr(entry)).or_default();
            *found += 1;
            if *found == Arc::strong_count(entry) {
                deliveries += usize::from(its(entry));
                left.extend(entry.of.tickets());
            }
        }
        deliveries
    }

    fn as_ticket(&self) -> Option<&Ticket> {
        Some(self)
    }

    fn unawaited(self) -> Self {
        self.apart().0
    }

    fn leave_order(&mut self, left: &mut Vec<Turn>) {
        // What has parts has them in an arm that does not come back: each tells of the turn with the last of them.
        while self
            .entry
            .as_ref()
            .is_some_and(|entry| matches!(entry.of, Of::Turn(..)) && Arc::strong_count(entry) == 1)
        {
            let turn;
            (turn, *self) = std::mem::take(self).out_of_turn();
            left.extend(turn);
        }
    }

    fn unload(&mut self) {
        self.load = Load::NONE;
    }

    fn park(&self, parked: &mut Vec<Parked>) {
        self.load.park(parked);
    }

    fn into_ticket(self) -> Ticket {
        self
    }

    fn of_ticket(ticket: Ticket) -> Self {
        ticket
    }
}

impl Ticket {
    fn element_of(&self, index: usize) -> Self {
        let mut of_batch = self;
        while let Some(entry) = &of_batch.entry {
            match &entry.of {
                Of::Task(ticket) | Of::Turn(_, ticket) => of_batch = ticket,
                Of::Awaited(ticket, by) => return ticket.element_of(index).awaited_by(by.clone()),
                Of::Batch(tickets) if index < tickets.len() => return tickets[index].part(),
                _ => break,
            }
        }
        self.part()
    }
}
