//! The acknowledgement of a delivery, on its way beside the item.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::carry::Carry;

/// Stands for the message that an item comes from. The runtime carries it beside the item, no stage sees it.
///
/// It is resolved exactly once: by [`Carry::done`] and its like, by a decision about a failure, or, where it is dropped
/// before, as *released*: the message is delivered again. A ticket of which there are several parts is resolved with the
/// last of them, as the worst of them. The null ticket stands for no message.
#[derive(Default)]
pub struct Ticket(Option<Arc<Entry>>);

/// What the parts of one ticket share. Each part holds one count of its `Arc`, and nobody else does: whoever gives up
/// the last one resolves it.
struct Entry {
    /// The worst that any part has come to, as [`Fate::code`].
    fate: AtomicU64,
    of: Of,
}

/// What a ticket stands for.
enum Of {
    /// The tickets of the items in a batch.
    Batch(Vec<Ticket>),
}

/// What becomes of a message. The later, the worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fate {
    /// It is done with.
    Done,
    /// It was dropped on purpose.
    Filtered,
    /// It is to be delivered again after this time.
    Again(Duration),
}

impl Fate {
    fn code(self) -> u64 {
        match self {
            Self::Done => 0,
            Self::Filtered => 1,
            Self::Again(delay) => u64::try_from(delay.as_millis())
                .unwrap_or(u64::MAX)
                .saturating_add(2),
        }
    }

    fn of(code: u64) -> Self {
        match code {
            0 => Self::Done,
            1 => Self::Filtered,
            delay => Self::Again(Duration::from_millis(delay - 2)),
        }
    }
}

impl Ticket {
    /// The ticket of an item that comes from no queue.
    #[must_use]
    pub const fn null() -> Self {
        Self(None)
    }

    fn new(of: Of) -> Self {
        Self(Some(Arc::new(Entry {
            fate: AtomicU64::new(0),
            of,
        })))
    }

    /// Resolves this part.
    pub(crate) fn resolve(mut self, fate: Fate) {
        self.give_up(fate);
    }

    fn give_up(&mut self, fate: Fate) {
        let Some(entry) = self.0.take() else { return };
        entry.fate.fetch_max(fate.code(), Ordering::Relaxed);
        if let Some(mut entry) = Arc::into_inner(entry) {
            let fate = Fate::of(*entry.fate.get_mut());
            match entry.of {
                Of::Batch(tickets) => tickets.into_iter().for_each(|ticket| ticket.resolve(fate)),
            }
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.give_up(Fate::Again(Duration::ZERO));
    }
}

impl std::fmt::Debug for Ticket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "Ticket" } else { "null" })
    }
}

impl Carry for Ticket {
    fn done(self) {
        self.resolve(Fate::Done);
    }

    fn done_all(tickets: impl IntoIterator<Item = Self>) {
        tickets.into_iter().for_each(Carry::done);
    }

    fn filtered(self) {
        self.resolve(Fate::Filtered);
    }

    fn part(&self) -> Self {
        Self(self.0.clone())
    }

    fn join(tickets: Vec<Self>) -> Self {
        if tickets.iter().all(|ticket| ticket.0.is_none()) {
            return Self::null();
        }
        Self::new(Of::Batch(tickets))
    }

    fn apart(mut self) -> Vec<Self> {
        let Some(entry) = self.0.take() else {
            return Vec::new();
        };
        match Arc::try_unwrap(entry) {
            Ok(Entry {
                of: Of::Batch(tickets),
                ..
            }) => tickets,
            Err(entry) => vec![Self(Some(entry))],
        }
    }

    fn into_ticket(self) -> Ticket {
        self
    }

    fn of_ticket(ticket: Ticket) -> Self {
        ticket
    }
}
