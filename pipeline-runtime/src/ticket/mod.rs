//! The acknowledgement of a delivery, on its way beside the item.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::SystemTime;

use crate::budget::{KeptRoom, Load};

mod attributes;
mod awaited;
mod carry;
mod fate;
mod lease;
mod message;
pub(crate) mod order;
mod parts;
mod resolve;
mod rider;
mod scope;
mod stake;
mod turn;
mod undecided;
mod waiting;

pub use attributes::Attributes;
use awaited::Awaited;
pub(crate) use awaited::AwaitsEnd;
pub use carry::{Carried, Carry};
pub(crate) use fate::Fate;
pub use lease::Now;
pub(crate) use lease::{LeaseEnd, Term};
pub use message::Message;
pub(crate) use order::Order;
pub use order::Turn;
pub use rider::{Ending, Recorded, TaskName};
pub(crate) use rider::{Record, Rider, Riders, Seat};

pub use scope::{OfDelivery, Scope};
pub use stake::{Receipt, Settles, Stake};
pub use turn::InTurn;
pub(crate) use undecided::Undecided;

/// Stands for the message that an item comes from. The runtime carries it beside the item, no stage sees it.
///
/// It is resolved exactly once: by [`Carry::done`] and its like, by a decision about a failure, or, where it is dropped
/// before, as *released*: the message is delivered again at once. A ticket of which there are several parts is resolved
/// with the last of them, as the worst of them. The null ticket stands for no message.
#[derive(Default)]
pub struct Ticket {
    entry: Option<Arc<Entry>>,
    /// What the item holds of a budget: beside what it stands for, so that each part lets go of it by itself.
    load: Load,
}

/// What the parts of one ticket share. Each part holds one count of its `Arc`, and nobody else does: whoever gives up
/// the last one resolves it.
struct Entry {
    /// The worst that any part has come to, as [`Fate::code`].
    fate: AtomicU64,
    /// Whether more than one item has ever had it.
    split: AtomicBool,
    riders: Riders,
    of: Of,
}

impl Entry {
    fn is_split(&self) -> bool {
        // Relaxed: see `part`.
        self.split.load(Ordering::Relaxed)
    }
}

/// What a ticket stands for.
enum Of {
    /// No message: somebody wants to be told all the same.
    Nothing,
    /// One delivery of a message.
    Delivery(Lease),
    /// The tickets of the items in a batch.
    Batch(Vec<Ticket>),
    /// Part of a ticket, of a task that is not the only one of its message.
    Task(Ticket),
    /// The ticket of an item that is put back in order.
    Turn(Turn, Ticket),
    /// A ticket of an item that somebody waits for. It stands outside of all others, and inside of none.
    Awaited(Ticket, Awaited),
}

impl Of {
    fn tickets(&self) -> &[Ticket] {
        match self {
            Self::Nothing | Self::Delivery(_) => &[],
            Self::Batch(tickets) => tickets,
            Self::Task(ticket) | Self::Turn(_, ticket) | Self::Awaited(ticket, _) => {
                std::slice::from_ref(ticket)
            }
        }
    }
}

/// A message whose type is not known.
pub(crate) trait Original: Send + Sync {
    fn id(&self) -> &Arc<str>;
    fn bytes(&self) -> Vec<u8>;
    fn receive_count(&self) -> u32;
    /// How many of the deliveries before were worked on.
    fn begun(&self) -> u32;
    fn first_seen(&self) -> SystemTime;
    /// The name of its queue.
    fn queue(&self) -> &Arc<str>;
    /// What tells it from another message of the same id.
    fn number(&self) -> Option<&Arc<str>>;
    /// The group that it was sent in.
    fn group(&self) -> Option<&Arc<str>>;
    /// What travels with it beside the body.
    fn attributes(&self) -> &Attributes;
    fn lease_end(&self) -> &LeaseEnd;
    fn priority(&self) -> i16;
    /// Work on it has failed: what is said of that is kept, of the first failure.
    fn failed(&self, error: Arc<str>);
    /// What was said.
    fn error(&self) -> Option<&Arc<str>>;
    /// What work on it is told in.
    fn span(&self) -> &tracing::Span;
}

/// Knows the deliveries of one source, and is told what became of them.
pub(crate) trait Keeps: Send + Sync {
    /// These deliveries are resolved.
    fn settle(&self, settled: &mut dyn Iterator<Item = Settled>);

    /// The item is handed on to another pipeline.
    fn handed_on(&self, slot: usize);

    /// The receipt of a delivery that is not resolved.
    fn receipt(&self, slot: usize) -> Receipt;

    /// Whether a message of this fate may come again.
    fn comes_again(&self, fate: Fate) -> bool;

    /// Which database the messages lie in.
    fn place(&self) -> Option<Arc<str>>;
}

/// One of the keepers.
#[derive(Clone, Copy)]
pub struct KeptBy<'a>(pub(crate) &'a dyn Keeps);

impl std::fmt::Debug for KeptBy<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeptBy")
    }
}

/// The side of a ticket that its source knows.
pub(crate) struct Lease {
    pub(crate) keeper: Arc<dyn Keeps>,
    /// Where the keeper knows the delivery.
    pub(crate) slot: usize,
    pub(crate) original: Arc<dyn Original>,
}

/// A message, and what knows what is recorded of its task.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) original: &'a dyn Original,
    pub(crate) record: Option<&'a dyn Record>,
}

/// A delivery of which the last part is resolved.
pub(crate) struct Settled {
    keeper: Arc<dyn Keeps>,
    pub(crate) slot: usize,
    pub(crate) fate: Fate,
    pub(crate) riders: Riders,
}

impl Ticket {
    /// The ticket of an item that comes from no queue.
    #[must_use]
    pub const fn null() -> Self {
        Self {
            entry: None,
            load: Load::NONE,
        }
    }

    /// Whether it stands for nothing, and nobody waits for what becomes of its item.
    pub(crate) const fn is_null(&self) -> bool {
        self.entry.is_none()
    }

    /// The ticket of a delivery.
    pub(crate) fn of(lease: Lease) -> Self {
        Self::new(Of::Delivery(lease))
    }

    fn new(of: Of) -> Self {
        let entry = Arc::new(Entry {
            fate: AtomicU64::new(Fate::Filtered.code()),
            split: AtomicBool::new(false),
            riders: Riders::default(),
            of,
        });
        Self {
            entry: Some(entry),
            load: Load::NONE,
        }
    }

    /// What `made` makes of it holds what it has held.
    fn laden(mut self, made: impl FnOnce(Self) -> Self) -> Self {
        let load = std::mem::take(&mut self.load);
        made(self).loaded(load)
    }

    /// How many bytes the item weighs, where it holds some of a budget.
    pub(crate) fn weight(&self) -> u64 {
        self.load.bytes()
    }

    /// Whether the item holds some of a budget.
    pub(crate) fn is_laden(&self) -> bool {
        self.load.is_some()
    }

    /// The same of an item that weighs so much now.
    pub(crate) fn reweighed(mut self, bytes: u64) -> Self {
        self.load.reweigh(bytes);
        self
    }

    pub(crate) fn load(&self) -> &Load {
        &self.load
    }

    /// The room that the item holds of a budget, for who keeps a copy of it.
    pub(crate) fn room(&self) -> KeptRoom {
        self.load.kept()
    }

    /// The same of an item that holds this.
    pub(crate) fn loaded(mut self, load: Load) -> Self {
        self.load = load;
        self
    }

    /// Lets whoever takes the seat go along with this part and what becomes of it.
    pub(crate) fn with(self, seat: &Seat) -> Self {
        self.laden(|ticket| {
            let (ticket, awaited) = ticket.apart();
            ticket.seated(seat).awaited_by(awaited)
        })
    }

    fn seated(self, seat: &Seat) -> Self {
        if let Some(entry) = &self.entry
            && Arc::strong_count(entry) == 1
            && entry.riders.keep(seat.clone())
        {
            return self;
        }
        let ticket = match &self.entry {
            None => Self::new(Of::Nothing),
            Some(_) => Self::new(Of::Task(self)),
        };
        if let Some(entry) = &ticket.entry {
            entry.riders.keep(seat.clone());
        }
        ticket
    }

    /// Lets a rider go along with this part and what becomes of it.
    pub(crate) fn ridden(self, rider: Arc<dyn Rider>) -> Self {
        self.laden(|ticket| {
            let (ticket, awaited) = ticket.apart();
            ticket.under(rider).awaited_by(awaited)
        })
    }

    fn under(self, rider: Arc<dyn Rider>) -> Self {
        let is_whole = |entry: &Arc<Entry>| Arc::strong_count(entry) == 1;
        let ticket = match &self.entry {
            None => Self::new(Of::Nothing),
            Some(entry) if is_whole(entry) => self,
            Some(_) => Self::new(Of::Task(self)),
        };
        if let Some(entry) = &ticket.entry {
            entry.riders.add(rider);
        }
        ticket
    }

    /// Tells all who go along that what they go along with is not done, though it may be resolved as if it were.
    pub(crate) fn undone(&self) {
        if let Some(entry) = &self.entry {
            entry.riders.undone();
            entry.of.tickets().iter().for_each(Self::undone);
        }
    }

    /// The message that it stands for, or is a part of, if it is one.
    pub(crate) fn original(&self) -> Option<&Arc<dyn Original>> {
        match &self.entry.as_ref()?.of {
            Of::Delivery(lease) => Some(&lease.original),
            Of::Task(ticket) | Of::Turn(_, ticket) | Of::Awaited(ticket, _) => ticket.original(),
            Of::Nothing | Of::Batch(_) => None,
        }
    }

    /// With the turn of its item.
    pub(crate) fn in_turn(turn: Turn, ticket: Self) -> Self {
        ticket.laden(|ticket| Self::new(Of::Turn(turn, ticket)))
    }

    /// The turn of its item, if it has one, and the ticket without.
    pub(crate) fn out_of_turn(self) -> (Option<Turn>, Self) {
        let has_turn = |entry: &Arc<Entry>| matches!(entry.of, Of::Turn(..));
        if !self.entry.as_ref().is_some_and(has_turn) {
            return (None, self);
        }
        let mut this = self;
        let Some(Entry {
            of: Of::Turn(turn, ticket),
            ..
        }) = this.entry.take().and_then(Arc::into_inner)
        else {
            // Another part has it, and tells what becomes of it.
            return (None, this);
        };
        (Some(turn), this.laden(|_| ticket))
    }

    /// Every message that it stands for.
    pub(crate) fn messages(&self) -> Vec<Known<'_>> {
        let mut messages = Vec::new();
        self.visit(None, &mut HashSet::new(), &mut |entry, record| {
            if let Of::Delivery(lease) = &entry.of {
                let original = &*lease.original;
                messages.push(Known { original, record });
            }
        });
        messages
    }

    /// Calls `leaf` for everything that is settled by itself, once, with the record of the last task that was made of it.
    /// What has been split may be met by many ways: it is `seen` then.
    fn visit<'a>(
        &'a self,
        outer: Option<&'a dyn Record>,
        seen: &mut HashSet<*const Entry>,
        leaf: &mut dyn FnMut(&'a Entry, Option<&'a dyn Record>),
    ) {
        let Some(entry) = &self.entry else { return };
        if entry.is_split() && !seen.insert(Arc::as_ptr(entry)) {
            return;
        }
        let record = outer.or(entry.riders.record());
        if let Of::Nothing | Of::Delivery(_) = entry.of {
            leaf(entry, record);
        }
        for ticket in entry.of.tickets() {
            ticket.visit(record, seen, leaf);
        }
    }

    /// Where its keeper knows the delivery, if it stands for one.
    pub(crate) fn slot(&self) -> Option<usize> {
        match &self.entry.as_ref()?.of {
            Of::Delivery(lease) => Some(lease.slot),
            _ => None,
        }
    }

    /// What stages may know of the message, where it is one; a task of it takes the seat.
    pub(crate) fn message(&self, seat: Seat) -> Message {
        let mut of = self;
        while let Some(entry) = &of.entry {
            match &entry.of {
                Of::Task(ticket) | Of::Turn(_, ticket) | Of::Awaited(ticket, _) => of = ticket,
                Of::Delivery(lease) => {
                    return Message {
                        queue: Some(Arc::clone(lease.original.queue())),
                        number: lease.original.number().cloned(),
                        seat,
                    };
                }
                Of::Nothing | Of::Batch(_) => break,
            }
        }
        Message {
            queue: None,
            number: None,
            seat,
        }
    }

    /// Whether the leases of all its messages are over. Of several the others are not given up for one: what is written
    /// of that one decides the fence.
    fn has_lost(&self, now: &mut Now) -> bool {
        let Some(entry) = &self.entry else {
            return false;
        };
        match &entry.of {
            Of::Delivery(lease) => lease.original.lease_end().has_passed(now),
            Of::Nothing => false,
            of => of.tickets().iter().all(|ticket| ticket.has_lost(now)),
        }
    }
}

impl Drop for Ticket {
    #[inline]
    fn drop(&mut self) {
        if self.entry.is_some() {
            self.release();
        }
    }
}

impl std::fmt::Debug for Ticket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.entry.is_some() {
            "Ticket"
        } else {
            "null"
        })
    }
}

#[cfg(test)]
mod tests;
