//! One delivery of a message, as the stages see it.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use tracing::Span;

use super::{Attributes, Body, Receipt, Received};
use crate::ticket::{LeaseEnd, Original};

/// One delivery of a message: what a pipeline whose input is a queue works on. Derefs to what the message carries.
///
/// It is a cheap handle: clones share the message. Holding one does not hold the message's lease, and dropping one does
/// not give it back: the runtime knows what becomes of the item.
pub struct Delivery<B>(Arc<Message<B>>);

struct Message<B> {
    body: B,
    id: Arc<str>,
    receive_count: u32,
    begun: u32,
    first_seen: SystemTime,
    number: Option<Arc<str>>,
    group: Option<Arc<str>>,
    attributes: Attributes,
    priority: i16,
    queue: Arc<str>,
    lease_end: LeaseEnd,
    /// Why work on it has failed first.
    error: OnceLock<Arc<str>>,
    /// The work on it, in all stages.
    span: Span,
}

impl<B: Body> Original for Message<B> {
    fn id(&self) -> &Arc<str> {
        &self.id
    }

    fn bytes(&self) -> Vec<u8> {
        self.body.to_bytes()
    }

    fn receive_count(&self) -> u32 {
        self.receive_count
    }

    fn begun(&self) -> u32 {
        self.begun
    }

    fn first_seen(&self) -> SystemTime {
        self.first_seen
    }

    fn queue(&self) -> &Arc<str> {
        &self.queue
    }

    fn number(&self) -> Option<&Arc<str>> {
        self.number.as_ref()
    }

    fn group(&self) -> Option<&Arc<str>> {
        self.group.as_ref()
    }

    fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    fn lease_end(&self) -> &LeaseEnd {
        &self.lease_end
    }

    fn priority(&self) -> i16 {
        self.priority
    }

    fn failed(&self, error: Arc<str>) {
        let _ = self.error.set(error);
    }

    fn error(&self) -> Option<&Arc<str>> {
        self.error.get()
    }

    fn span(&self) -> &Span {
        &self.span
    }
}

impl<B> Delivery<B> {
    /// A message of `queue`, and the receipt of this delivery.
    pub(super) fn new(message: Received<B>, queue: Arc<str>) -> (Self, Receipt) {
        let Received {
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
            leased_since: _,
        } = message;
        // Of none of the spans here: whoever receives it is not who works on it.
        let span = tracing::info_span!(
            target: "brigade",
            parent: None,
            "delivery",
            %queue,
            %id,
            attempt = receive_count,
            traceparent = attributes.traceparent(),
        );
        let message = Message {
            body,
            id,
            receive_count,
            begun,
            first_seen,
            number,
            group,
            attributes,
            priority,
            queue,
            lease_end: LeaseEnd::open(),
            error: OnceLock::new(),
            span,
        };
        (Self(Arc::new(message)), receipt)
    }

    /// The message's own name: the same at every delivery.
    #[must_use]
    pub fn id(&self) -> &Arc<str> {
        &self.0.id
    }

    /// How often the message was delivered, this time included.
    #[must_use]
    pub fn receive_count(&self) -> u32 {
        self.0.receive_count
    }

    /// How many of the deliveries before were worked on.
    pub(super) fn begun(&self) -> u32 {
        self.0.begun
    }

    /// When the message was sent, as far as the queue knows; else when it was first received.
    #[must_use]
    pub fn first_seen(&self) -> SystemTime {
        self.0.first_seen
    }

    /// The [priority](super::Outgoing::priority) of the message, as far as the queue tells it; else 0.
    #[must_use]
    pub fn priority(&self) -> i16 {
        self.0.priority
    }

    /// What travels with the message beside its body.
    #[must_use]
    pub fn attributes(&self) -> &Attributes {
        &self.0.attributes
    }

    /// What [kind](super::Outgoing::kind) of message it is.
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        self.0.attributes.get(Attributes::KIND)
    }

    /// What the message carries.
    #[must_use]
    pub fn body(&self) -> &B {
        &self.0.body
    }

    /// What the message carries, by value. It is a clone while the message may still have to be written as a dead
    /// letter, which is as long as it is not acknowledged.
    #[must_use]
    pub fn into_body(self) -> B
    where
        B: Clone,
    {
        match Arc::try_unwrap(self.0) {
            Ok(message) => message.body,
            Err(shared) => shared.body.clone(),
        }
    }
}

impl<B: Body> Delivery<B> {
    pub(super) fn original(&self) -> Arc<dyn Original> {
        Arc::clone(&self.0) as Arc<dyn Original>
    }
}

impl<B> Deref for Delivery<B> {
    type Target = B;

    fn deref(&self) -> &B {
        &self.0.body
    }
}

impl<B> Clone for Delivery<B> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<B: fmt::Debug> fmt::Debug for Delivery<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("id", &self.0.id)
            .field("receive_count", &self.0.receive_count)
            .field("body", &self.0.body)
            .finish_non_exhaustive()
    }
}
