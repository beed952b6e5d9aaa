//! The messages of a queue in memory.

mod admin;
mod ready;

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use slab::Slab;
use tokio::time::Instant;

use crate::queue::{Attributes, Outgoing, Receipt, Received};

pub(super) use admin::Look;
use ready::Ready;

#[derive(Debug)]
pub(super) struct Store<B> {
    messages: Slab<Message<B>>,
    /// What can be received.
    ready: Ready,
    /// What can be received later: leased or delayed.
    timed: BTreeSet<(Instant, usize)>,
    /// What is not to be delivered any more from then on, and is not leased.
    expiring: BTreeSet<(Instant, usize)>,
    /// How many have expired.
    expired: u64,
    /// The messages of each group, in order; all but the first wait for it.
    groups: HashMap<Arc<str>, VecDeque<usize>>,
    /// The ids that senders have chosen, and how many messages have them.
    ids: HashMap<Arc<str>, usize>,
    /// What messages are duplicates by in place of their ids.
    dedups: HashSet<Arc<str>>,
    stamps: u64,
    /// While it is there, and not over, nothing is handed out.
    paused: Option<Paused>,
    /// What the ids of messages without a name begin with: a journal that outlives this queue must not take them for
    /// those of another.
    name: u64,
}

#[derive(Debug)]
struct Message<B> {
    body: Arc<B>,
    /// Receipts of its deliveries have greater stamps.
    born: u64,
    id: Arc<str>,
    /// Whether the sender has chosen the id.
    chosen: bool,
    dedup: Option<Arc<str>>,
    group: Option<Arc<str>>,
    attributes: Attributes,
    first_seen: SystemTime,
    /// The same by the clock that is kept here.
    since: Instant,
    receive_count: u32,
    /// How many deliveries were worked on, and whether that of now is one of them.
    begun: u32,
    is_begun: bool,
    /// What tells it from another message of the id that a sender has chosen.
    number: Option<Arc<str>>,
    priority: i16,
    last_error: Option<Arc<str>>,
    expires: Option<Instant>,
    place: Place,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    Ready,
    /// Not before this time.
    Later(Instant),
    /// By the delivery of this stamp.
    Leased(u64, Instant),
    /// Another message of its group is before it; it must not be received before this time, if there is one.
    Behind(Option<Instant>),
}

impl<B> Message<B> {
    fn mark_begun(&mut self) {
        self.begun += u32::from(!std::mem::replace(&mut self.is_begun, true));
    }
}

impl<B> Store<B> {
    pub(super) fn new() -> Self {
        Self {
            messages: Slab::new(),
            ready: Ready::default(),
            timed: BTreeSet::new(),
            expiring: BTreeSet::new(),
            expired: 0,
            groups: HashMap::new(),
            ids: HashMap::new(),
            dedups: HashSet::new(),
            stamps: 0,
            paused: None,
            name: RandomState::new().hash_one(()),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(super) fn is_ready(&self, now: Instant) -> bool {
        !self.ready.is_empty() && !self.is_paused(now)
    }

    fn is_paused(&self, now: Instant) -> bool {
        self.paused.is_some_and(|paused| paused.holds(now))
    }

    /// When something can be received that cannot be yet.
    pub(super) fn next_due(&self, now: Instant) -> Option<Instant> {
        match self.paused {
            Some(paused) if paused.holds(now) => paused.until,
            _ => self.timed.first().map(|(due, _)| *due),
        }
    }

    pub(super) fn put(&mut self, message: Outgoing<B>, now: Instant) {
        let Outgoing {
            body,
            id,
            dedup,
            group,
            delay,
            priority,
            expires,
            attributes,
        } = message;
        let is_duplicate = match (&dedup, &id) {
            (Some(dedup), _) => self.dedups.contains(dedup),
            (None, Some(id)) => self.ids.contains_key(id),
            (None, None) => false,
        };
        if is_duplicate {
            return;
        }
        self.stamps += 1;
        let (id, chosen) = match id {
            Some(id) => (id, true),
            None => (
                Arc::from(format!("{:016x}-{}", self.name, self.stamps)),
                false,
            ),
        };
        let own = || Arc::from(self.stamps.to_string());
        let number = chosen.then(|| dedup.clone().unwrap_or_else(own));
        let slot = self.messages.insert(Message {
            body: Arc::new(body),
            born: self.stamps,
            id: Arc::clone(&id),
            chosen,
            dedup: dedup.clone(),
            group: group.clone(),
            attributes,
            first_seen: SystemTime::now(),
            since: now,
            receive_count: 0,
            begun: 0,
            is_begun: false,
            number,
            priority,
            last_error: None,
            // So late that it is never.
            expires: expires.and_then(|after| now.checked_add(after)),
            place: Place::Ready,
        });
        self.expires(slot, true);
        if chosen {
            *self.ids.entry(id).or_default() += 1;
        }
        self.dedups.extend(dedup);
        let due = (!delay.is_zero()).then(|| now + delay);
        if let Some(group) = group {
            let members = self.groups.entry(group).or_default();
            members.push_back(slot);
            if members.len() > 1 {
                self.messages[slot].place = Place::Behind(due);
                return;
            }
        }
        self.line_up(slot, due, now);
    }

    /// The message can be received, now or from `due` on.
    fn line_up(&mut self, slot: usize, due: Option<Instant>, now: Instant) {
        match due {
            Some(due) if due > now => {
                self.messages[slot].place = Place::Later(due);
                self.timed.insert((due, slot));
            }
            _ => {
                let message = &mut self.messages[slot];
                message.place = Place::Ready;
                self.ready.push(slot, message.priority);
            }
        }
    }

    /// Whether it is removed when it expires: not while it is leased.
    fn expires(&mut self, slot: usize, whether: bool) {
        let Some(expires) = self.messages[slot].expires else {
            return;
        };
        if whether {
            self.expiring.insert((expires, slot));
        } else {
            self.expiring.remove(&(expires, slot));
        }
    }

    /// Makes ready what is due: delays that are over, leases that have ended; and removes what has expired: the bodies of
    /// that, to be dropped without the lock.
    #[must_use = "bodies are the user's"]
    pub(super) fn expire(&mut self, now: Instant) -> Vec<Arc<B>> {
        while let Some((due, slot)) = self.timed.first().copied()
            && due <= now
        {
            self.timed.pop_first();
            self.expires(slot, true);
            self.line_up(slot, None, now);
        }
        let past = self.expiring.iter().take_while(|(at, _)| *at <= now);
        let past: HashSet<_> = past.map(|(_, slot)| *slot).collect();
        if past.is_empty() {
            return Vec::new();
        }
        self.expired += past.len() as u64;
        self.take_out(&past, now)
    }

    /// When the next one expires.
    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.expiring.first().map(|(at, _)| *at)
    }

    pub(super) fn lease(
        &mut self,
        max: usize,
        kinds: &[Arc<str>],
        now: Instant,
        lease: Duration,
    ) -> Vec<Received<Arc<B>>> {
        let slots = if self.is_paused(now) {
            Vec::new()
        } else if kinds.is_empty() {
            self.ready.take(max)
        } else {
            self.ready.take_of(max, |slot| {
                let kind = self.messages[slot].attributes.get(Attributes::KIND);
                kind.is_some_and(|kind| kinds.iter().any(|one| **one == *kind))
            })
        };
        let mut received = Vec::with_capacity(slots.len());
        for slot in slots {
            self.expires(slot, false);
            self.stamps += 1;
            let receipt = Receipt(Arc::from(format!("{slot}.{}", self.stamps)));
            let message = &mut self.messages[slot];
            message.receive_count += 1;
            message.is_begun = false;
            message.place = Place::Leased(self.stamps, now + lease);
            self.timed.insert((now + lease, slot));
            received.push(Received {
                body: Arc::clone(&message.body),
                id: Arc::clone(&message.id),
                receipt,
                receive_count: message.receive_count,
                begun: message.begun,
                first_seen: message.first_seen,
                number: message.number.clone(),
                group: message.group.clone(),
                attributes: message.attributes.clone(),
                priority: message.priority,
                leased_since: None,
            });
        }
        received
    }

    /// Whether its message is not there any more.
    pub(super) fn is_gone(&self, receipt: &Receipt) -> bool {
        let Some((slot, stamp)) = parse(receipt) else {
            return false;
        };
        let message = self.messages.get(slot);
        message.is_none_or(|message| message.born > stamp)
    }

    /// The slot of a message, if this is its lease.
    fn leased(&self, receipt: &Receipt) -> Option<(usize, Instant)> {
        let (slot, stamp) = parse(receipt)?;
        match self.messages.get(slot)?.place {
            Place::Leased(current, until) if current == stamp => Some((slot, until)),
            _ => None,
        }
    }

    /// Takes the message out, if it was leased so.
    pub(super) fn remove(&mut self, receipt: &Receipt) -> Option<Arc<B>> {
        let (slot, until) = self.leased(receipt)?;
        self.timed.remove(&(until, slot));
        let message = self.messages.remove(slot);
        let group = message.group.clone();
        let body = self.forget(message);
        if let Some(group) = group {
            if let Some(members) = self.groups.get_mut(&group) {
                members.pop_front();
            }
            self.head_of(&group, Instant::now());
        }
        Some(body)
    }

    /// Its names are free again.
    fn forget(&mut self, message: Message<B>) -> Arc<B> {
        if message.chosen
            && let Entry::Occupied(mut count) = self.ids.entry(message.id)
        {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
        if let Some(dedup) = message.dedup {
            self.dedups.remove(&dedup);
        }
        message.body
    }

    /// What was before it in the group may be gone: the first can be received.
    fn head_of(&mut self, group: &Arc<str>, now: Instant) {
        let head = self
            .groups
            .get(group)
            .map(|members| members.front().copied());
        match head {
            None => {}
            Some(None) => {
                self.groups.remove(group);
            }
            Some(Some(slot)) => {
                if let Place::Behind(due) = self.messages[slot].place {
                    self.line_up(slot, due, now);
                }
            }
        }
    }

    /// Whether the message was leased so.
    pub(super) fn give_back(
        &mut self,
        receipt: &Receipt,
        now: Instant,
        delay: Duration,
        error: Option<Arc<str>>,
    ) -> bool {
        let Some((slot, until)) = self.leased(receipt) else {
            return false;
        };
        let message = &mut self.messages[slot];
        message.mark_begun();
        if error.is_some() {
            message.last_error = error;
        }
        self.timed.remove(&(until, slot));
        self.expires(slot, true);
        self.line_up(slot, Some(now + delay), now);
        true
    }

    /// Whether the message was leased so.
    pub(super) fn mark_begun(&mut self, receipt: &Receipt) -> bool {
        let leased = self.leased(receipt);
        if let Some((slot, _)) = leased {
            self.messages[slot].mark_begun();
        }
        leased.is_some()
    }

    /// Whether the message was leased so.
    pub(super) fn give_back_unbegun(&mut self, receipt: &Receipt, now: Instant) -> bool {
        let Some((slot, until)) = self.leased(receipt) else {
            return false;
        };
        let message = &mut self.messages[slot];
        message.receive_count -= 1;
        message.begun -= u32::from(std::mem::take(&mut message.is_begun));
        self.timed.remove(&(until, slot));
        self.expires(slot, true);
        self.line_up(slot, None, now);
        true
    }

    /// Whether the message was leased so.
    pub(super) fn extend(&mut self, receipt: &Receipt, now: Instant, lease: Duration) -> bool {
        let Some((slot, until)) = self.leased(receipt) else {
            return false;
        };
        self.timed.remove(&(until, slot));
        self.timed.insert((now + lease, slot));
        if let Place::Leased(_, until) = &mut self.messages[slot].place {
            *until = now + lease;
        }
        true
    }
}

/// A pause, until it is over or resumed.
#[derive(Debug, Clone, Copy)]
struct Paused {
    until: Option<Instant>,
}

impl Paused {
    fn holds(self, now: Instant) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// The slot of a message, and what no other delivery has.
fn parse(receipt: &Receipt) -> Option<(usize, u64)> {
    let (slot, stamp) = receipt.0.split_once('.')?;
    Some((slot.parse().ok()?, stamp.parse().ok()?))
}
