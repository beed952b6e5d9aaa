//! What a worker of a group with keys has in hand.

use super::turns::{Taken, Turn};
use super::wiring::{ItemIn, StepOf, Wiring};
use crate::guard::Held;

/// What a worker has been given, and what it gives back. Without keys it is empty.
pub(crate) struct Keyed<W: Wiring> {
    /// Items that are to be worked on.
    pub(crate) turns: Held<Turn<ItemIn<W>>>,
    /// Items whose key could not be told.
    pub(crate) fallen: Vec<Fallen<W>>,
    /// The keys of calls that have returned and whose results are handed in.
    pub(crate) returned: Vec<u64>,
    /// What has just come in.
    pub(super) fresh: Taken<ItemIn<W>>,
}

/// An item that ends before it has begun: its number, what became of it, its ticket.
pub(crate) type Fallen<W> = (u64, StepOf<W>, <W as Wiring>::Ticket);

impl<W: Wiring> Keyed<W> {
    pub(super) fn new() -> Self {
        Self {
            turns: Held(Vec::new()),
            fallen: Vec::new(),
            returned: Vec::new(),
            fresh: Taken {
                first: 0,
                count: 0,
                turns: Vec::new(),
            },
        }
    }
}
