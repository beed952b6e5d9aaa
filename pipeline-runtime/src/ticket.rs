//! The acknowledgement of a delivery, on its way beside the item.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::carry::Carry;
use crate::journal::Recorded;
use crate::queue::{Keeper, Lease, Original};

/// Stands for the message that an item comes from. The runtime carries it beside the item, no stage sees it.
///
/// It is resolved exactly once: by [`Carry::done`] and its like, by a decision about a failure, or, where it is dropped
/// before, as *released*: the message is delivered again at once. A ticket of which there are several parts is resolved
/// with the last of them, as the worst of them. The null ticket stands for no message.
#[derive(Default)]
pub struct Ticket(Option<Arc<Entry>>);

/// What the parts of one ticket share. Each part holds one count of its `Arc`, and nobody else does: whoever gives up
/// the last one resolves it.
struct Entry {
    /// The worst that any part has come to, as [`Fate::code`].
    fate: AtomicU64,
    /// Told when the message is acknowledged.
    rider: OnceLock<Arc<dyn Rider>>,
    of: Of,
}

/// What a ticket stands for.
enum Of {
    /// No message: somebody wants to be told all the same.
    Nothing,
    /// One delivery of a message.
    Delivery(Lease),
    /// The tickets of the items in a batch.
    Batch(Vec<Ticket>),
}

/// What goes along with a ticket: the record of a task in a journal.
pub(crate) trait Rider: Send + Sync {
    /// The message is acknowledged; or, where there is none, the item is done.
    fn acked(&self);

    /// The id under which the task is recorded.
    fn task(&self) -> Arc<str>;

    /// What is recorded of the task, for its dead letter.
    fn frames(&self) -> Vec<Recorded>;

    /// Another task was made of the same message: `other` is told of whatever this one is told of.
    fn join(&self, other: Arc<dyn Rider>);
}

/// What becomes of a message. The later, the worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// All of it was dropped on purpose.
    Filtered,
    /// It is done with.
    Done,
    /// It is done with: a dead letter is written.
    Dead,
    /// It is to be delivered again after this time.
    Again(Duration),
    /// Nobody has decided about its failure.
    Undecided,
}

impl Fate {
    const FIRST_DELAY: u64 = 3;

    /// A number that is the greater the worse it is.
    fn code(self) -> u64 {
        match self {
            Self::Filtered => 0,
            Self::Done => 1,
            Self::Dead => 2,
            Self::Again(delay) => u64::try_from(delay.as_millis())
                .unwrap_or(u64::MAX)
                .saturating_add(Self::FIRST_DELAY)
                .min(u64::MAX - 1),
            Self::Undecided => u64::MAX,
        }
    }

    fn of(code: u64) -> Self {
        match code {
            0 => Self::Filtered,
            1 => Self::Done,
            2 => Self::Dead,
            u64::MAX => Self::Undecided,
            delay => Self::Again(Duration::from_millis(delay - Self::FIRST_DELAY)),
        }
    }

    /// Whether the message will not come again.
    fn is_final(self) -> bool {
        matches!(self, Self::Filtered | Self::Done | Self::Dead)
    }
}

/// A message, and what knows what is recorded of its task.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) original: &'a dyn Original,
    pub(crate) rider: Option<&'a dyn Rider>,
}

/// A delivery of which the last part is resolved.
pub(crate) struct Settled {
    pub(crate) lease: Lease,
    pub(crate) fate: Fate,
    pub(crate) rider: Option<Arc<dyn Rider>>,
}

impl Ticket {
    /// The ticket of an item that comes from no queue.
    #[must_use]
    pub const fn null() -> Self {
        Self(None)
    }

    /// The ticket of a delivery.
    pub(crate) fn of(lease: Lease) -> Self {
        Self::new(Of::Delivery(lease))
    }

    fn new(of: Of) -> Self {
        Self(Some(Arc::new(Entry {
            fate: AtomicU64::new(Fate::Filtered.code()),
            rider: OnceLock::new(),
            of,
        })))
    }

    /// Lets `rider` go along, beside those that are there.
    pub(crate) fn with(self, rider: Arc<dyn Rider>) -> Self {
        let ticket = if self.0.is_none() {
            Self::new(Of::Nothing)
        } else {
            self
        };
        if let Some(entry) = &ticket.0
            && let Err(rider) = entry.rider.set(rider)
            && let Some(first) = entry.rider.get()
        {
            first.join(rider);
        }
        ticket
    }

    /// Every message that it stands for.
    pub(crate) fn messages(&self) -> Vec<Known<'_>> {
        let mut messages = Vec::new();
        self.add_messages(&mut messages);
        messages
    }

    fn add_messages<'a>(&'a self, messages: &mut Vec<Known<'a>>) {
        let Some(entry) = &self.0 else { return };
        match &entry.of {
            Of::Nothing => {}
            Of::Delivery(lease) => messages.push(Known {
                original: &*lease.original,
                rider: entry.rider.get().map(|rider| &**rider),
            }),
            Of::Batch(tickets) => {
                for ticket in tickets {
                    ticket.add_messages(messages);
                }
            }
        }
    }

    /// Resolves this part.
    pub(crate) fn resolve(mut self, fate: Fate) {
        self.give_up(fate, &mut |settled| {
            let keeper = Arc::clone(&settled.lease.keeper);
            keeper.settle(std::iter::once(settled));
        });
    }

    #[cold]
    fn release(&mut self) {
        std::mem::take(self).resolve(Fate::Again(Duration::ZERO));
    }

    /// Resolves all of these, which costs less than one after the other.
    fn resolve_all(tickets: impl IntoIterator<Item = Self>, fate: Fate) {
        let mut all = Vec::new();
        for mut ticket in tickets {
            ticket.give_up(fate, &mut |settled| all.push(settled));
        }
        Keeper::settle_all(all);
    }

    /// Gives this part up; calls `settle` for each delivery that was resolved by it.
    fn give_up(&mut self, fate: Fate, settle: &mut dyn FnMut(Settled)) {
        let Some(entry) = self.0.take() else { return };
        entry.fate.fetch_max(fate.code(), Ordering::Relaxed);
        let Some(Entry {
            mut fate,
            mut rider,
            of,
        }) = Arc::into_inner(entry)
        else {
            return;
        };
        let (fate, rider) = (Fate::of(*fate.get_mut()), rider.take());
        match of {
            Of::Delivery(lease) => {
                settle(Settled { lease, fate, rider });
                return;
            }
            Of::Batch(tickets) => {
                for mut ticket in tickets {
                    ticket.give_up(fate, settle);
                }
            }
            Of::Nothing => {}
        }
        if let Some(rider) = rider
            && fate.is_final()
        {
            rider.acked();
        }
    }
}

impl Drop for Ticket {
    #[inline]
    fn drop(&mut self) {
        if self.0.is_some() {
            self.release();
        }
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
        Self::resolve_all(tickets, Fate::Done);
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

    fn element(&self, index: usize) -> Self {
        if let Some(entry) = &self.0
            && let Of::Batch(tickets) = &entry.of
            && let Some(ticket) = tickets.get(index)
        {
            return ticket.part();
        }
        self.part()
    }

    fn into_ticket(self) -> Ticket {
        self
    }

    fn of_ticket(ticket: Ticket) -> Self {
        ticket
    }
}

/// The ticket of a failure: dropped, it is undecided, which is no release.
#[derive(Debug, Default)]
pub(crate) struct Undecided(Ticket);

impl Undecided {
    pub(crate) const fn null() -> Self {
        Self(Ticket::null())
    }

    pub(crate) fn ticket(&self) -> &Ticket {
        &self.0
    }

    pub(crate) fn decide(mut self, fate: Fate) {
        std::mem::take(&mut self.0).resolve(fate);
    }
}

impl From<Ticket> for Undecided {
    fn from(ticket: Ticket) -> Self {
        Self(ticket)
    }
}

impl Drop for Undecided {
    fn drop(&mut self) {
        if self.0.0.is_some() {
            std::mem::take(&mut self.0).resolve(Fate::Undecided);
        }
    }
}

#[cfg(test)]
mod tests;
