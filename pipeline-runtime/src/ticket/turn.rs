//! The turn of an item whose output is put back in order behind the arms of a `match`.

use crate::budget::Parked;

use super::{Carried, Carry, KeptBy, Now, Stake, Ticket, Turn};

/// A ticket, and the item's turn if it is to come back in order. What becomes of the item becomes of the ticket; the turn
/// is let go before that is told to anyone.
#[derive(Default)]
pub struct InTurn<K> {
    ticket: K,
    turn: Option<Turn>,
}

impl<K> InTurn<K> {
    fn inner(self) -> K {
        drop(self.turn);
        self.ticket
    }

    /// Of an item that is to come back.
    pub(crate) fn of(ticket: K, turn: Turn) -> Self {
        let turn = Some(turn);
        Self { ticket, turn }
    }

    /// Of one that is not, or for which another part of its ticket does.
    pub(crate) fn none(ticket: K) -> Self {
        Self { ticket, turn: None }
    }

    /// Its number; 0 if it has none.
    #[inline]
    pub(crate) fn number(&self) -> u64 {
        self.turn.as_ref().map_or(0, |turn| turn.number)
    }
}

impl<K> std::fmt::Debug for InTurn<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("InTurn").field(&self.turn).finish()
    }
}

/// The outputs of one item have one turn, which none of its other parts has.
impl<K: Carry> Carry for InTurn<K> {
    type Or<O: Carry> = Self;

    type Scope = K::Scope;

    #[inline]
    fn scope(&self) -> K::Scope {
        self.ticket.scope()
    }

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
        Self::none(self.ticket.part())
    }

    fn join(tickets: Vec<Self>) -> Self {
        Self::none(K::join(tickets.into_iter().map(Self::inner).collect()))
    }

    fn element(&self, index: usize) -> Self {
        Self::none(self.ticket.element(index))
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

    fn leave_order(&mut self, left: &mut Vec<Turn>) {
        left.extend(self.turn.take());
        self.ticket.leave_order(left);
    }

    fn unload(&mut self) {
        self.ticket.unload();
    }

    fn park(&self, parked: &mut Vec<Parked>) {
        self.ticket.park(parked);
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
    #[inline]
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
