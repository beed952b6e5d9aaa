//! What the items of a split are numbered for.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, MutexGuard};

use crate::flow::join::{self, Wakes};
use crate::ticket::{Carry, InTurn, Order, Turn, order};

/// The rank of what divides items or brings them together: greater than that of all that was made before.
pub(crate) fn rank() -> usize {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    // Relaxed: each is another one, and those of one graph are made by one thread.
    MADE.fetch_add(1, Ordering::Relaxed) + 1
}

/// Which lanes of a split come back.
#[derive(Debug)]
pub struct Returning(Box<[bool]>);

impl Returning {
    pub(crate) fn of(returns: &[bool]) -> Self {
        Self(returns.into())
    }

    #[inline]
    pub(crate) fn is(&self, lane: usize) -> bool {
        self.0[lane]
    }

    /// An item goes into a lane. Where that does not come back, no `match` around this one waits for the item to do so:
    /// else what its arm does, and its sink writes, would hold up whatever is behind.
    #[inline]
    pub(crate) fn enters<A: Carry>(&self, lane: usize, mut ticket: A, left: &mut Vec<Turn>) -> A {
        if A::HAS_TURNS && !self.is(lane) {
            ticket.leave_order(left);
        }
        ticket
    }
}

/// Says what tickets the lanes of a split have.
pub trait Numbers<A: Carry>: Send + Sync + 'static {
    /// What is beside an item in a lane.
    type Ticket: Carry;
    /// The numbering of what came at once.
    type Numbering<'a>;

    /// Begins one.
    fn numbering(&self) -> Self::Numbering<'_>;

    /// The next item goes into that lane. The turns that it leaves are added to `left`, to be let go of when nothing is
    /// locked any more.
    fn number(
        numbering: &mut Self::Numbering<'_>,
        lane: usize,
        ticket: A,
        left: &mut Vec<Turn>,
    ) -> Self::Ticket;
}

/// Where items come back in the order in which they are done, and so need no numbers.
#[derive(Debug)]
pub struct Unnumbered(pub(crate) Returning);

impl<A: Carry> Numbers<A> for Unnumbered {
    type Ticket = A;
    type Numbering<'a> = &'a Returning;

    #[inline]
    fn numbering(&self) -> &Returning {
        &self.0
    }

    #[inline]
    fn number(of: &mut &Returning, lane: usize, ticket: A, left: &mut Vec<Turn>) -> A {
        of.enters(lane, ticket, left)
    }
}

/// Where items come back in the order in which they were divided: those of the lanes that come back are numbered.
#[derive(Debug)]
pub struct Numbered {
    pub(crate) order: Arc<Order>,
    /// Those who wait behind the join.
    pub(crate) wakes: Arc<Wakes>,
    pub(crate) returning: Returning,
}

impl Numbered {
    pub(crate) fn new(returning: Returning) -> Self {
        let wakes = Arc::<Wakes>::default();
        Self {
            order: Arc::new(Order::new(join::waker(&wakes))),
            wakes,
            returning,
        }
    }
}

/// One numbering, under the lock of the order.
#[derive(Debug)]
pub struct Numbering<'a> {
    state: MutexGuard<'a, order::State>,
    of: &'a Numbered,
}

impl<A: Carry> Numbers<A> for Numbered {
    type Ticket = InTurn<A>;
    type Numbering<'a> = Numbering<'a>;

    fn numbering(&self) -> Numbering<'_> {
        Numbering {
            state: self.order.lock(),
            of: self,
        }
    }

    #[inline]
    fn number(
        numbering: &mut Numbering<'_>,
        lane: usize,
        ticket: A,
        left: &mut Vec<Turn>,
    ) -> InTurn<A> {
        let Numbering { state, of } = numbering;
        if of.returning.is(lane) {
            let turn = Turn::of(Arc::clone(&of.order), state.number());
            InTurn::of(ticket, turn)
        } else {
            InTurn::none(of.returning.enters(lane, ticket, left))
        }
    }
}
