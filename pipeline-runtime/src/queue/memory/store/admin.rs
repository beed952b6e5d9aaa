//! What an operator asks of the messages, and does to them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::{Message, Paused, Place, Store};
use crate::queue::admin::{Filter, MessageInfo, MessageState, Pause, QueueStats};

/// A message as it was under the lock; its body is written without it.
pub(in crate::queue::memory) struct Look<B> {
    pub(in crate::queue::memory) info: MessageInfo,
    pub(in crate::queue::memory) body: Arc<B>,
}

/// A pause is no longer than this: so long can be added to any time.
const CENTURY: Duration = Duration::from_secs(36_525 * 24 * 3600);

impl<B> Message<B> {
    fn state(&self) -> (MessageState, Option<Instant>) {
        match self.place {
            Place::Ready => (MessageState::Ready, None),
            Place::Later(due) => (MessageState::Delayed, Some(due)),
            Place::Leased(_, until) => (MessageState::Taken, Some(until)),
            Place::Behind(due) => (MessageState::Behind, due),
        }
    }

    fn look(&self, now: Instant) -> Look<B> {
        let (state, due) = self.state();
        let mut info = MessageInfo::new(self.born, self.id.as_ref(), Vec::new());
        info.dedup = self.dedup.as_deref().map(str::to_owned);
        info.group = self.group.as_deref().map(str::to_owned);
        info.state = state;
        info.due = due.map(|due| SystemTime::now() + due.saturating_duration_since(now));
        info.sent = self.first_seen;
        info.priority = self.priority;
        info.expires = self
            .expires
            .map(|at| SystemTime::now() + at.saturating_duration_since(now));
        info.receives = self.receive_count;
        info.begun = self.begun;
        info.last_error = self.last_error.as_deref().map(str::to_owned);
        info.attributes.clone_from(&self.attributes);
        Look {
            info,
            body: Arc::clone(&self.body),
        }
    }
}

impl<B> Store<B> {
    pub(in crate::queue::memory) fn stats(&self, now: Instant) -> QueueStats {
        let mut stats = QueueStats::default();
        let mut oldest = None;
        for (_, message) in &self.messages {
            let (state, _) = message.state();
            let count = match state {
                MessageState::Ready => &mut stats.ready,
                MessageState::Delayed => &mut stats.delayed,
                MessageState::Taken => &mut stats.taken,
                MessageState::Behind => &mut stats.behind,
            };
            *count += 1;
            if matches!(state, MessageState::Ready | MessageState::Taken) {
                oldest = oldest.max(Some(now.saturating_duration_since(message.since)));
            }
        }
        stats.oldest = oldest;
        stats.expired = self.expired;
        stats.paused = self
            .paused
            .filter(|paused| paused.holds(now))
            .map(|paused| {
                let left = |until: Instant| Pause::For(until.saturating_duration_since(now));
                paused.until.map_or(Pause::UntilResumed, left)
            });
        stats
    }

    pub(in crate::queue::memory) fn list(
        &self,
        filter: &Filter,
        limit: usize,
        now: Instant,
    ) -> Vec<Look<B>> {
        let is_one = |message: &&Message<B>| {
            filter
                .of_state()
                .is_none_or(|state| state == message.state().0)
                && filter
                    .of_group()
                    .is_none_or(|group| message.group.as_deref().is_some_and(|own| own == group))
                && filter.behind().is_none_or(|seq| message.born > seq)
        };
        let messages = self.messages.iter().map(|(_, message)| message);
        let mut messages: Vec<_> = messages.filter(is_one).collect();
        messages.sort_unstable_by_key(|message| message.born);
        let first = messages.into_iter().take(limit);
        first.map(|message| message.look(now)).collect()
    }

    pub(in crate::queue::memory) fn get(&self, id: &str, now: Instant) -> Vec<Look<B>> {
        let messages = self.messages.iter().map(|(_, message)| message);
        let mut messages: Vec<_> = messages.filter(|message| &*message.id == id).collect();
        messages.sort_unstable_by_key(|message| message.born);
        messages
            .into_iter()
            .map(|message| message.look(now))
            .collect()
    }

    /// The slots of the messages that have one of these ids and are so, and the ids that none of them has.
    fn of_ids(
        &self,
        ids: &[String],
        is_so: impl Fn(&Message<B>) -> bool,
    ) -> (HashSet<usize>, Vec<String>) {
        let mut found: HashMap<&str, bool> = ids.iter().map(|id| (&**id, false)).collect();
        let mut slots = HashSet::new();
        for (slot, message) in &self.messages {
            if let Some(is_found) = found.get_mut(&*message.id)
                && is_so(message)
            {
                *is_found = true;
                slots.insert(slot);
            }
        }
        let is_unknown = |id: &String| !found[&**id];
        let unknown = ids.iter().filter(|id| is_unknown(id)).cloned().collect();
        (slots, unknown)
    }

    /// The bodies of what is removed, and the ids of which there was nothing.
    pub(in crate::queue::memory) fn cancel(
        &mut self,
        ids: &[String],
        now: Instant,
    ) -> (Vec<Arc<B>>, Vec<String>) {
        let (slots, unknown) = self.of_ids(ids, |_| true);
        (self.take_out(&slots, now), unknown)
    }

    pub(in crate::queue::memory) fn purge(&mut self, now: Instant) -> Vec<Arc<B>> {
        let slots = self.messages.iter().map(|(slot, _)| slot).collect();
        self.take_out(&slots, now)
    }

    pub(super) fn take_out(&mut self, slots: &HashSet<usize>, now: Instant) -> Vec<Arc<B>> {
        self.ready.retain(|slot| !slots.contains(&slot));
        self.timed.retain(|(_, slot)| !slots.contains(slot));
        self.expiring.retain(|(_, slot)| !slots.contains(slot));
        let mut groups = HashSet::new();
        let mut bodies = Vec::with_capacity(slots.len());
        for slot in slots {
            let message = self.messages.remove(*slot);
            groups.extend(message.group.clone());
            bodies.push(self.forget(message));
        }
        for group in groups {
            if let Some(members) = self.groups.get_mut(&group) {
                members.retain(|slot| !slots.contains(slot));
            }
            self.head_of(&group, now);
        }
        bodies
    }

    pub(in crate::queue::memory) fn retry_now(
        &mut self,
        ids: &[String],
        now: Instant,
    ) -> Vec<String> {
        let is_delayed = |message: &Message<B>| matches!(message.place, Place::Later(_));
        let (slots, unknown) = self.of_ids(ids, is_delayed);
        self.timed.retain(|(_, slot)| !slots.contains(slot));
        let mut slots: Vec<_> = slots.into_iter().collect();
        slots.sort_unstable_by_key(|slot| self.messages[*slot].born);
        for slot in slots {
            self.line_up(slot, None, now);
        }
        unknown
    }

    pub(in crate::queue::memory) fn pause(&mut self, pause: Pause, now: Instant) {
        let until = match pause {
            Pause::For(time) => Some(now + time.min(CENTURY)),
            Pause::UntilResumed => None,
        };
        self.paused = Some(Paused { until });
    }

    pub(in crate::queue::memory) fn resume(&mut self) {
        self.paused = None;
    }
}
