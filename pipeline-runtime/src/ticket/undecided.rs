//! What becomes of a message whose item has failed.

use super::{Carry as _, Fate, Ticket};

/// The ticket of a failure: dropped, it is undecided, which is no release. Nobody waits for the item any more: when it is
/// decided may depend on who waits.
#[derive(Debug, Default)]
pub(crate) struct Undecided(Ticket);

impl Undecided {
    pub(crate) const fn null() -> Self {
        Self(Ticket::null())
    }

    pub(crate) fn ticket(&self) -> &Ticket {
        &self.0
    }

    /// What the item holds of a budget is given back: somebody else has it.
    pub(crate) fn unload(&mut self) {
        self.0.unload();
    }

    pub(crate) fn decide(mut self, fate: Fate) {
        std::mem::take(&mut self.0).resolve(fate);
    }
}

impl From<Ticket> for Undecided {
    fn from(ticket: Ticket) -> Self {
        let mut within = ticket;
        loop {
            // Nor is anybody to wait for the errors end because it has a turn, or one in each match around it.
            let (turn, ticket) = within.out_of_turn();
            if turn.is_none() {
                return Self(ticket.unawaited());
            }
            within = ticket;
        }
    }
}

impl Drop for Undecided {
    fn drop(&mut self) {
        if self.0.entry.is_some() {
            std::mem::take(&mut self.0).resolve(Fate::Undecided);
        }
    }
}
