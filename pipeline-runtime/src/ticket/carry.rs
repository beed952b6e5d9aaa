//! What travels beside an item through the stages: nothing, or its ticket.

use crate::budget::Parked;

use super::{KeptBy, Now, Scope, Stake, Ticket, Turn};

/// What the items of a source have beside them: `()`, or a [`Ticket`] that says what becomes of a delivery.
///
/// Edges, chunks and retries hold [`Carried`] items. The workers take the two apart before a user's function is called
/// and join them behind it: neither the function nor the expansion knows of tickets.
pub trait Carry: Default + Send + 'static {
    /// What is beside items of which some have this beside them, and others `K`.
    type Or<K: Carry>: Carry;

    /// What the work on an item is done within.
    type Scope: Scope;

    /// Whether there may be a message behind an item.
    const CARRIES: bool = true;

    /// Whether the item may be one of those that a `match` puts back in order.
    const HAS_TURNS: bool = true;

    /// What the work on the item is done within: the span of its delivery.
    fn scope(&self) -> Self::Scope;

    /// The item has reached its end.
    fn done(self);

    /// These items have.
    fn done_all(tickets: impl IntoIterator<Item = Self>);

    /// The item was dropped on purpose, or had no outputs.
    fn filtered(self);

    /// The item is somebody else's by now: nothing more is done for it.
    fn lost(self);

    /// Whether it is somebody else's by now, as far as is known here. Asked wherever something is about to be done for
    /// the item that should not be done twice.
    fn is_lost(&self, now: &mut Now) -> bool;

    /// The same ticket for one more of the item's outputs: it is done when all of its parts are.
    #[must_use]
    fn part(&self) -> Self;

    /// The ticket of a batch of the items that had these.
    fn join(tickets: Vec<Self>) -> Self;

    /// A part of the ticket of a batch's element number `index`; of itself, if there is none.
    #[must_use]
    fn element(&self, index: usize) -> Self;

    /// Moves items that are gathered, and their tickets, to the end of vectors of their own.
    fn unzip<T>(carried: &mut Vec<Carried<T, Self>>, items: &mut Vec<T>, tickets: &mut Vec<Self>) {
        for Carried { item, mut ticket } in carried.drain(..) {
            ticket.leave_order(&mut Vec::new());
            items.push(item);
            tickets.push(ticket);
        }
    }

    /// Adds what is at stake with the item.
    fn stake(&self, stake: &mut Stake, batches: bool);

    /// The item has reached its end, and its queue knows.
    fn settled(self);

    /// Whether what becomes of the item becomes of a message, which comes again if it is not done.
    #[must_use]
    fn is_of_delivery(&self) -> bool;

    /// How many deliveries of this keeper's have all of their parts among these.
    #[must_use]
    fn deliveries<'a>(of: KeptBy<'_>, tickets: impl IntoIterator<Item = &'a Self>) -> usize;

    /// The ticket, where there is one.
    fn as_ticket(&self) -> Option<&Ticket>;

    /// The same of an item that nobody waits for any more.
    #[must_use]
    fn unawaited(self) -> Self;

    /// The item is where nothing comes back in order: nobody waits for it to do so any more, when its turns, which are
    /// added to `left`, are let go of. That takes locks.
    fn leave_order(&mut self, left: &mut Vec<Turn>);

    /// What the item holds of a budget is given back, though its ticket is kept.
    fn unload(&mut self);

    /// The item waits for more to come, until what is added to `parked` is dropped.
    fn park(&self, parked: &mut Vec<Parked>);

    /// The ticket; the null ticket for `()`.
    fn into_ticket(self) -> Ticket;

    /// What [`Carry::into_ticket`] was called on.
    fn of_ticket(ticket: Ticket) -> Self;

    /// The same with another ticket in its place.
    #[must_use]
    fn replaced(self, with: impl FnOnce(Ticket) -> Ticket) -> Self {
        Self::of_ticket(with(self.into_ticket()))
    }
}

impl Stake {
    /// Of an item with this ticket; `batches` if the item is a `Vec` as `batch` made it.
    pub(crate) fn of(ticket: &impl Carry, batches: bool) -> Self {
        let mut stake = Self::default();
        ticket.stake(&mut stake, batches);
        stake
    }

    /// Of an item with this ticket, for who sends messages on behalf of it.
    pub(crate) fn traced(ticket: &impl Carry) -> Self {
        let trace = ticket.as_ticket().and_then(Ticket::trace);
        Self {
            trace: trace.cloned(),
            ..Self::default()
        }
    }

    /// Of an item with this ticket, for who hands it on.
    pub(crate) fn handed_on(ticket: impl Carry) -> Self {
        let own = ticket.into_ticket();
        Self {
            ticket: own.part_of_messages(),
            own,
            ..Self::default()
        }
    }
}

/// An item and what travels beside it. With `()` it has the layout of the item.
#[derive(Debug)]
pub struct Carried<T, K> {
    pub(crate) item: T,
    pub(crate) ticket: K,
}

impl<T, K: Carry> Carried<T, K> {
    /// The same with its ticket, or the null ticket.
    pub(crate) fn ticketed(self) -> Carried<T, Ticket> {
        Carried {
            item: self.item,
            ticket: self.ticket.into_ticket(),
        }
    }
}

impl<T> Carried<T, ()> {
    /// An item without a ticket.
    #[inline]
    pub(crate) fn plain(item: T) -> Self {
        Self { item, ticket: () }
    }

    /// The items, in the same buffer: this costs nothing.
    pub(crate) fn plain_all(items: Vec<T>) -> Vec<Self> {
        items.into_iter().map(Self::plain).collect()
    }

    /// The same backwards.
    pub(crate) fn items(carried: Vec<Self>) -> Vec<T> {
        carried.into_iter().map(|carried| carried.item).collect()
    }
}

impl Carry for () {
    type Or<K: Carry> = K;

    type Scope = ();

    const CARRIES: bool = false;

    const HAS_TURNS: bool = false;

    #[inline]
    fn scope(&self) {}

    #[inline]
    fn done(self) {}

    #[inline]
    fn done_all(_tickets: impl IntoIterator<Item = ()>) {}

    #[inline]
    fn filtered(self) {}

    #[inline]
    fn lost(self) {}

    #[inline]
    fn is_lost(&self, _now: &mut Now) -> bool {
        false
    }

    #[inline]
    fn part(&self) {}

    #[inline]
    fn join(_tickets: Vec<()>) {}

    #[inline]
    fn element(&self, _index: usize) {}

    fn unzip<T>(carried: &mut Vec<Carried<T, ()>>, items: &mut Vec<T>, _tickets: &mut Vec<()>) {
        let mut more = Carried::items(std::mem::take(carried));
        if items.is_empty() {
            *items = more;
        } else {
            items.append(&mut more);
        }
    }

    fn stake(&self, _stake: &mut Stake, _batches: bool) {}

    #[inline]
    fn settled(self) {}

    #[inline]
    fn is_of_delivery(&self) -> bool {
        false
    }

    fn deliveries<'a>(_of: KeptBy<'_>, _tickets: impl IntoIterator<Item = &'a ()>) -> usize {
        0
    }

    #[inline]
    fn as_ticket(&self) -> Option<&Ticket> {
        None
    }

    #[inline]
    fn unawaited(self) {}

    #[inline]
    fn leave_order(&mut self, _left: &mut Vec<Turn>) {}

    #[inline]
    fn unload(&mut self) {}

    #[inline]
    fn park(&self, _parked: &mut Vec<Parked>) {}

    #[inline]
    fn into_ticket(self) -> Ticket {
        Ticket::null()
    }

    #[inline]
    fn of_ticket(_null: Ticket) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_without_a_ticket_has_the_layout_of_the_item() {
        assert_eq!(size_of::<Carried<u8, ()>>(), size_of::<u8>());
        assert_eq!(size_of::<Carried<[u64; 5], ()>>(), size_of::<[u64; 5]>());
        assert_eq!(
            size_of::<Option<Carried<String, ()>>>(),
            size_of::<Option<String>>()
        );
    }

    #[test]
    fn items_become_carried_ones_and_back_in_the_same_buffer() {
        let items = vec![1_u64, 2, 3];
        let buffer = items.as_ptr().addr();
        let carried = Carried::plain_all(items);
        assert_eq!(carried.as_ptr().addr(), buffer);
        let items = Carried::items(carried);
        assert_eq!((items.as_ptr().addr(), &*items), (buffer, &[1, 2, 3][..]));
    }
}
