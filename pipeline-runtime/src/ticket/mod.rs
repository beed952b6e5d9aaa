//! The acknowledgement of a delivery, on its way beside the item.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

mod carry;

pub use carry::{Carried, Carry};

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
    riders: Riders,
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
    /// Part of a ticket, of a task that is not the only one of its message.
    Task(Ticket),
}

impl Of {
    fn tickets(&self) -> &[Ticket] {
        match self {
            Self::Nothing | Self::Delivery(_) => &[],
            Self::Batch(tickets) => tickets,
            Self::Task(ticket) => std::slice::from_ref(ticket),
        }
    }
}

/// A frame as it is read back, without its task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The key of the stage.
    pub key: Arc<str>,
    /// The value, encoded.
    pub value: Arc<[u8]>,
}

/// What goes along with a ticket: the record of a task in a journal.
pub(crate) trait Rider: Send + Sync {
    /// The message is acknowledged; or, where there is none, the item is done.
    fn acked(&self);

    /// The id under which the task is recorded.
    fn task(&self) -> Arc<str>;

    /// What is recorded of the task, for its dead letter.
    fn frames(&self) -> Vec<Recorded>;
}

/// Those who are told when a message is acknowledged.
#[derive(Default)]
pub(crate) struct Riders {
    first: OnceLock<Arc<dyn Rider>>,
    beside: Mutex<Vec<Arc<dyn Rider>>>,
}

impl Riders {
    fn add(&self, rider: Arc<dyn Rider>) {
        if let Err(rider) = self.first.set(rider) {
            let mut beside = self.beside.lock().unwrap_or_else(PoisonError::into_inner);
            beside.push(rider);
        }
    }

    fn first(&self) -> Option<&dyn Rider> {
        self.first.get().map(|rider| &**rider)
    }

    fn all(self) -> impl Iterator<Item = Arc<dyn Rider>> {
        let beside = self.beside.into_inner();
        let beside = beside.unwrap_or_else(PoisonError::into_inner);
        self.first.into_inner().into_iter().chain(beside)
    }

    /// The message is acknowledged; or, where there is none, the item is done.
    pub(crate) fn acked(self) {
        self.all().for_each(|rider| rider.acked());
    }

    /// The same, for a dead letter is written. It has the frames of one task: where there are more, all stay recorded
    /// until the letter is replayed.
    pub(crate) fn dead(self) {
        let mut all = self.all();
        if let (Some(rider), None) = (all.next(), all.next()) {
            rider.acked();
        }
    }
}

/// A rider of several messages: it is told when the last of them is acknowledged.
struct Last {
    rider: Arc<dyn Rider>,
    left: AtomicUsize,
}

impl Rider for Last {
    fn acked(&self) {
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.rider.acked();
        }
    }

    fn task(&self) -> Arc<str> {
        self.rider.task()
    }

    fn frames(&self) -> Vec<Recorded> {
        self.rider.frames()
    }
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

/// A message whose type is not known.
pub(crate) trait Original: Send + Sync {
    fn id(&self) -> &Arc<str>;
    fn bytes(&self) -> Vec<u8>;
    fn receive_count(&self) -> u32;
    fn first_seen(&self) -> SystemTime;
}

/// Knows the deliveries of one source, and is told what became of them.
pub(crate) trait Settles: Send + Sync {
    /// These deliveries are resolved.
    fn settle(&self, settled: &mut dyn Iterator<Item = Settled>);
}

/// The side of a ticket that its source knows.
pub(crate) struct Lease {
    pub(crate) keeper: Arc<dyn Settles>,
    /// Where the keeper knows the delivery.
    pub(crate) slot: usize,
    pub(crate) original: Arc<dyn Original>,
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
    pub(crate) riders: Riders,
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
            riders: Riders::default(),
            of,
        })))
    }

    /// Lets `rider` go along with this part and what becomes of it.
    pub(crate) fn with(self, rider: Arc<dyn Rider>) -> Self {
        let ticket = match &self.0 {
            None => Self::new(Of::Nothing),
            Some(entry) if Arc::strong_count(entry) == 1 && entry.riders.first().is_none() => self,
            Some(_) => Self::new(Of::Task(self)),
        };
        if let Some(entry) = &ticket.0 {
            entry.riders.add(rider);
        }
        ticket
    }

    /// Every message that it stands for.
    pub(crate) fn messages(&self) -> Vec<Known<'_>> {
        let mut messages = Vec::new();
        self.visit(None, &mut |entry, rider| {
            if let Of::Delivery(lease) = &entry.of {
                let original = &*lease.original;
                messages.push(Known { original, rider });
            }
        });
        messages
    }

    /// Calls `leaf` for everything that is settled by itself, with the rider of the last task that was made of it.
    fn visit<'a>(
        &'a self,
        outer: Option<&'a dyn Rider>,
        leaf: &mut dyn FnMut(&'a Entry, Option<&'a dyn Rider>),
    ) {
        let Some(entry) = &self.0 else { return };
        let rider = outer.or(entry.riders.first());
        if let Of::Nothing | Of::Delivery(_) = entry.of {
            leaf(entry, rider);
        }
        for ticket in entry.of.tickets() {
            ticket.visit(rider, leaf);
        }
    }

    /// Resolves this part.
    pub(crate) fn resolve(mut self, fate: Fate) {
        self.give_up(fate, &mut |settled| {
            let keeper = Arc::clone(&settled.lease.keeper);
            keeper.settle(&mut std::iter::once(settled));
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
        settle_all(all);
    }

    /// Gives this part up; calls `settle` for each delivery that was resolved by it.
    fn give_up(&mut self, fate: Fate, settle: &mut dyn FnMut(Settled)) {
        let Some(entry) = self.0.take() else { return };
        entry.fate.fetch_max(fate.code(), Ordering::Relaxed);
        let Some(Entry {
            mut fate,
            riders,
            of,
        }) = Arc::into_inner(entry)
        else {
            return;
        };
        let fate = Fate::of(*fate.get_mut());
        let tickets = match of {
            Of::Delivery(lease) => {
                settle(Settled {
                    lease,
                    fate,
                    riders,
                });
                return;
            }
            Of::Nothing => Vec::new(),
            Of::Batch(tickets) => tickets,
            Of::Task(ticket) => vec![ticket],
        };
        if fate.is_final() {
            riders.all().for_each(|rider| go_on(rider, &tickets));
        }
        for mut ticket in tickets {
            ticket.give_up(fate, settle);
        }
    }
}

/// Tells the keepers, of which there may be several.
fn settle_all(settled: Vec<Settled>) {
    let mut rest = settled.into_iter().peekable();
    while let Some(first) = rest.next() {
        let keeper = Arc::clone(&first.lease.keeper);
        let mut same =
            std::iter::from_fn(|| rest.next_if(|next| Arc::ptr_eq(&next.lease.keeper, &keeper)));
        keeper.settle(&mut std::iter::once(first).chain(&mut same));
    }
}

/// The rider of an item that is done goes on with all that the item came from.
fn go_on(rider: Arc<dyn Rider>, tickets: &[Ticket]) {
    let mut leaves = Vec::new();
    for ticket in tickets {
        ticket.visit(None, &mut |entry, _| leaves.push(entry));
    }
    match leaves[..] {
        [] => rider.acked(),
        [only] => only.riders.add(rider),
        _ => {
            let left = AtomicUsize::new(leaves.len());
            let last = Arc::new(Last { rider, left });
            for leaf in leaves {
                leaf.riders.add(Arc::clone(&last) as Arc<dyn Rider>);
            }
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
        let mut of_batch = self;
        while let Some(entry) = &of_batch.0 {
            match &entry.of {
                Of::Task(ticket) => of_batch = ticket,
                Of::Batch(tickets) if index < tickets.len() => return tickets[index].part(),
                _ => break,
            }
        }
        self.part()
    }

    fn is_of_delivery(&self) -> bool {
        !self.messages().is_empty()
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
