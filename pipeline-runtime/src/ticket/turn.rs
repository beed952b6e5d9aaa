//! The turn of an item whose output is put back in order behind the arms of a `match`.

use std::sync::Arc;

use super::{Carried, Carry, KeptBy, Now, Stake, Ticket};

/// Who puts items back in order, and has to be told when one will not come.
pub(crate) trait Awaits: Send + Sync {
    /// The item with this number is gone.
    fn lost(&self, number: u64);
}

/// The number of an item among those that are put back in order. Dropped before it has arrived there, it says so: an
/// item that is filtered, fails, or is lost in whatever way does not hold up those behind it.
pub(crate) struct Turn {
    order: Option<Arc<dyn Awaits>>,
    number: u64,
}

impl Turn {
    pub(crate) fn of(order: Arc<dyn Awaits>, number: u64) -> Self {
        Self {
            order: Some(order),
            number,
        }
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// It has arrived.
    pub(crate) fn arrived(mut self) {
        self.order = None;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(order) = self.order.take() {
            order.lost(self.number);
        }
    }
}

/// A ticket, and the item's turn if it is to come back in order. What becomes of the item becomes of the ticket; the turn
/// is let go before that is told to anyone.
#[derive(Default)]
pub struct InTurn<K> {
    pub(crate) ticket: K,
    pub(crate) turn: Option<Turn>,
}

impl<K> InTurn<K> {
    fn inner(self) -> K {
        drop(self.turn);
        self.ticket
    }

    fn without_turn(ticket: K) -> Self {
        Self { ticket, turn: None }
    }
}

impl<K> std::fmt::Debug for InTurn<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let number = self.turn.as_ref().map(Turn::number);
        f.debug_tuple("InTurn").field(&number).finish()
    }
}

/// The outputs of one item have one turn, which none of its other parts has.
impl<K: Carry> Carry for InTurn<K> {
    type Or<O: Carry> = Self;

    fn done(self) {
        self.inner().done();
    }

    fn done_all(tickets: impl IntoIterator<Item = Self>) {
        K::done_all(tickets.into_iter().map(Self::inner));
    }

    fn filtered(self) {
        self.inner().filtered();
    }

    fn lost(self) {
        self.inner().lost();
    }

    fn is_lost(&self, now: &mut Now) -> bool {
        self.ticket.is_lost(now)
    }

    fn part(&self) -> Self {
        Self::without_turn(self.ticket.part())
    }

    fn join(tickets: Vec<Self>) -> Self {
        Self::without_turn(K::join(tickets.into_iter().map(Self::inner).collect()))
    }

    fn element(&self, index: usize) -> Self {
        Self::without_turn(self.ticket.element(index))
    }

    fn stake(&self, stake: &mut Stake, batches: bool) {
        self.ticket.stake(stake, batches);
    }

    fn settled(self) {
        self.inner().settled();
    }

    fn is_of_delivery(&self) -> bool {
        self.ticket.is_of_delivery()
    }

    fn deliveries<'a>(of: KeptBy<'_>, tickets: impl IntoIterator<Item = &'a Self>) -> usize {
        K::deliveries(of, tickets.into_iter().map(|ticket| &ticket.ticket))
    }

    fn as_ticket(&self) -> Option<&Ticket> {
        self.ticket.as_ticket()
    }

    fn replaced(self, with: impl FnOnce(Ticket) -> Ticket) -> Self {
        Self {
            ticket: self.ticket.replaced(with),
            turn: self.turn,
        }
    }

    fn unawaited(self) -> Self {
        Self {
            ticket: self.ticket.unawaited(),
            turn: self.turn,
        }
    }

    fn leave_order(&mut self) {
        self.turn = None;
        self.ticket.leave_order();
    }

    fn into_ticket(self) -> Ticket {
        let ticket = self.ticket.into_ticket();
        match self.turn {
            Some(turn) => Ticket::in_turn(turn, ticket),
            None => ticket,
        }
    }

    fn of_ticket(ticket: Ticket) -> Self {
        let (turn, ticket) = ticket.out_of_turn();
        Self {
            ticket: K::of_ticket(ticket),
            turn,
        }
    }
}

impl<T, K> Carried<T, InTurn<K>> {
    /// The item has arrived where it is put in order.
    pub(crate) fn arrived(self) -> Carried<T, K> {
        if let Some(turn) = self.ticket.turn {
            turn.arrived();
        }
        Carried {
            item: self.item,
            ticket: self.ticket.ticket,
        }
    }
}
