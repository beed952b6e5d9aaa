//! A message on its way out of a queue, and into one.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::ticket::{Attributes, Receipt};

/// What is asked of a queue: how much it may bring, and for how long it may wait.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ask {
    /// The most messages, at least 1.
    pub max: usize,
    /// For how long the first one is waited for.
    pub wait: Duration,
    /// Only messages of these [kinds](Outgoing::kind), each named once; of any kind, and of none, if there are none here. A
    /// queue whose [`Profile::kinds`](super::Profile::kinds) does not say that it can do that refuses to.
    pub kinds: Arc<[Arc<str>]>,
}

impl Ask {
    /// Up to `max` messages of any kind; the first one is waited for up to `wait`.
    #[must_use]
    pub fn new(max: usize, wait: Duration) -> Self {
        Self {
            max,
            wait,
            kinds: Arc::default(),
        }
    }

    /// The same of these kinds only.
    #[must_use]
    pub fn kinds(mut self, kinds: impl IntoIterator<Item = impl Into<Arc<str>>>) -> Self {
        let kinds: BTreeSet<_> = kinds.into_iter().map(Into::into).collect();
        self.kinds = kinds.into_iter().collect();
        self
    }
}

/// A message as a queue hands it out.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Received<B> {
    /// What it carries.
    pub body: B,
    /// The message's own name: the same at every delivery.
    pub id: Arc<str>,
    /// Stands for this delivery of it.
    pub receipt: Receipt,
    /// How often it was delivered, this time included.
    pub receive_count: u32,
    /// How many of the earlier deliveries were worked on, and not only waited to be: those that were marked as begun, and
    /// those that were given back by `nack`. All of them, where the queue cannot tell.
    pub begun: u32,
    /// When it was sent, as far as the queue knows; else when it was first received.
    pub first_seen: SystemTime,
    /// What tells it from another message of the same id: the same at every delivery, and no other message's. A message
    /// that was sent with an [`Outgoing::dedup`] has that; where the queue stores a name twice, one with a name has that.
    /// `None` if the queue cannot tell: then a message whose id was done before is taken for the one that was.
    pub number: Option<Arc<str>>,
    /// The group that it was sent in, where the queue has groups.
    pub group: Option<Arc<str>>,
    /// What travels with it beside the body.
    pub attributes: Attributes,
    /// Its [priority](Outgoing::priority), where the queue has priorities; else 0.
    pub priority: i16,
    /// From when on its lease counts, by this process's clock: a time before the queue granted it. A queue that answers over a
    /// network sets it, since an answer may be on its way for longer than a lease: just before it asks what grants them. With
    /// `None` a lease counts from shortly before the answer is there.
    pub leased_since: Option<Instant>,
}

impl<B> Received<B> {
    /// A message delivered for the first time, sent just now.
    pub fn new(id: impl Into<Arc<str>>, receipt: Receipt, body: B) -> Self {
        Self {
            body,
            id: id.into(),
            receipt,
            receive_count: 1,
            begun: 0,
            first_seen: SystemTime::now(),
            number: None,
            group: None,
            attributes: Attributes::new(),
            priority: 0,
            leased_since: None,
        }
    }

    /// What [kind](Outgoing::kind) of message it is.
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        self.attributes.get(Attributes::KIND)
    }

    /// The same with a body that is made of this one.
    #[must_use]
    pub fn map_body<C>(self, make: impl FnOnce(B) -> C) -> Received<C> {
        let Self {
            body,
            id,
            receipt,
            receive_count,
            begun,
            first_seen,
            number,
            group,
            attributes,
            priority,
            leased_since,
        } = self;
        Received {
            body: make(body),
            id,
            receipt,
            receive_count,
            begun,
            first_seen,
            number,
            group,
            attributes,
            priority,
            leased_since,
        }
    }

    /// The same with the number of deliveries so far, this one included, and the time when it was sent.
    #[must_use]
    pub fn seen(mut self, receive_count: u32, first_seen: SystemTime) -> Self {
        self.receive_count = receive_count;
        self.begun = receive_count.saturating_sub(1);
        self.first_seen = first_seen;
        self
    }

    /// The same with the number of earlier deliveries that were worked on; to be called after [`Received::seen`].
    #[must_use]
    pub fn begun(mut self, begun: u32) -> Self {
        self.begun = begun;
        self
    }

    /// The same with the group that it was sent in.
    #[must_use]
    pub fn group(mut self, group: impl Into<Arc<str>>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// The same with what travels with it.
    #[must_use]
    pub fn attributes(mut self, attributes: Attributes) -> Self {
        self.attributes = attributes;
        self
    }

    /// The same with its priority.
    #[must_use]
    pub fn priority(mut self, priority: i16) -> Self {
        self.priority = priority;
        self
    }

    /// The same with a time before its lease was granted.
    #[must_use]
    pub fn leased_since(mut self, since: Instant) -> Self {
        self.leased_since = Some(since);
        self
    }

    /// The same with what tells it from another message of its id.
    #[must_use]
    pub fn number(mut self, number: impl Into<Arc<str>>) -> Self {
        self.number = Some(number.into());
        self
    }
}

/// A message on its way into a queue.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Outgoing<B> {
    /// What it carries.
    pub body: B,
    /// Its name, for queues that let the sender choose it; a second message of that name is a duplicate, and is
    /// accepted without being stored again where the queue can tell.
    pub id: Option<Arc<str>>,
    /// What it is a duplicate by, in place of its name: for a message that is to be stored though another of its name is
    /// queued, or was. One of the same `dedup` is a duplicate then. It is not delivered with the message, and a message
    /// without it is still a duplicate of any queued one of its name. Queues that cannot tell duplicates ignore it.
    pub dedup: Option<Arc<str>>,
    /// Messages of one group are delivered in order, one at a time, where the queue has groups.
    pub group: Option<Arc<str>>,
    /// For how long it is not delivered. The default is zero.
    pub delay: Duration,
    /// A message of a higher one is delivered before those of lower ones that can be delivered then, where the queue has
    /// priorities; of a group, the order stays. The default is 0; it may be negative. It goes along into a dead
    /// letter and back.
    pub priority: i16,
    /// After how long, from when it is sent, it is not delivered any more, where the queue can do that: it is removed, and
    /// counted as [expired](super::QueueStats::expired). Who works on it then goes on, and may acknowledge it. The default is
    /// never.
    pub expires: Option<Duration>,
    /// What travels with it beside the body.
    pub attributes: Attributes,
}

impl<B> Outgoing<B> {
    /// A message without name, group or delay.
    pub fn new(body: B) -> Self {
        Self {
            body,
            id: None,
            dedup: None,
            group: None,
            delay: Duration::ZERO,
            priority: 0,
            expires: None,
            attributes: Attributes::new(),
        }
    }

    /// The same with a body that is made of this one.
    #[must_use]
    pub fn map_body<C>(self, make: impl FnOnce(B) -> C) -> Outgoing<C> {
        let Self {
            body,
            id,
            dedup,
            group,
            delay,
            priority,
            expires,
            attributes,
        } = self;
        Outgoing {
            body: make(body),
            id,
            dedup,
            group,
            delay,
            priority,
            expires,
            attributes,
        }
    }

    /// The same with a name.
    #[must_use]
    pub fn id(mut self, id: impl Into<Arc<str>>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// The same with what it is a duplicate by, in place of its name.
    #[must_use]
    pub fn dedup(mut self, dedup: impl Into<Arc<str>>) -> Self {
        self.dedup = Some(dedup.into());
        self
    }

    /// The same in a group.
    #[must_use]
    pub fn group(mut self, group: impl Into<Arc<str>>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// The same with one more thing that travels with it.
    #[must_use]
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.attributes.insert(name, value);
        self
    }

    /// The same in the trace that these attributes tell of: those of the delivery that it is sent for. It takes over their
    /// [`traceparent`](Attributes::TRACEPARENT) and `tracestate`; a message with a `traceparent` of its own stays as it is, and so
    /// does any where theirs is none. A [sink](super::Queue::sink) of a queue does this by itself.
    ///
    /// # Examples
    ///
    /// ```
    /// # use pipeline_runtime::queue::{Attributes, Outgoing};
    /// let of = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    /// let came = Attributes::from([("traceparent", of), ("tenant", "a7")]);
    /// let goes = Outgoing::new("12 plums".to_owned()).in_trace(&came);
    /// assert_eq!(goes.attributes.get("traceparent"), Some(of));
    /// assert_eq!(goes.attributes.get("tenant"), None);
    /// ```
    #[must_use]
    pub fn in_trace(mut self, attributes: &Attributes) -> Self {
        if self.attributes.get(Attributes::TRACEPARENT).is_some() {
            return self;
        }
        if let Some(traceparent) = attributes.traceparent() {
            self = self.attribute(Attributes::TRACEPARENT, traceparent);
            if let Some(tracestate) = attributes.tracestate() {
                self = self.attribute(Attributes::TRACESTATE, tracestate);
            }
        }
        self
    }

    /// The same, delivered no sooner than after `delay`.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// The same of this kind: an attribute, by name `kind`, so it arrives with the message, and goes along into a dead letter
    /// and back. A queue may be [asked](Ask::kinds) for some kinds only.
    #[must_use]
    pub fn kind(self, kind: impl Into<String>) -> Self {
        self.attribute(Attributes::KIND, kind)
    }

    /// The same with a priority: a higher one is delivered first.
    #[must_use]
    pub fn priority(mut self, priority: i16) -> Self {
        self.priority = priority;
        self
    }

    /// The same, not delivered any more after so long from when it is sent.
    #[must_use]
    pub fn expires(mut self, after: Duration) -> Self {
        self.expires = Some(after);
        self
    }
}
