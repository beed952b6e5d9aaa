//! What the items of a split are numbered for.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::ticket::Carry;

/// The rank of what divides items or brings them together: greater than that of all that was made before.
pub(crate) fn rank() -> usize {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    // Relaxed: each is another one, and those of one graph are made by one thread.
    MADE.fetch_add(1, Ordering::Relaxed) + 1
}

/// Says what tickets the lanes of a split have.
pub trait Numbers<A: Carry>: Send + Sync + 'static {
    /// What is beside an item in a lane.
    type Ticket: Carry;
    /// The numbering of what came at once.
    type Numbering<'a>;

    /// Begins one.
    fn numbering(&self) -> Self::Numbering<'_>;

    /// The next item goes into that lane.
    fn number(numbering: &mut Self::Numbering<'_>, lane: usize, ticket: A) -> Self::Ticket;
}

/// Where items come back in the order in which they are done, and so need no numbers.
#[derive(Debug)]
pub struct Unnumbered;

impl<A: Carry> Numbers<A> for Unnumbered {
    type Ticket = A;
    type Numbering<'a> = ();

    #[inline]
    fn numbering(&self) {}

    #[inline]
    fn number((): &mut (), _lane: usize, ticket: A) -> A {
        ticket
    }
}
