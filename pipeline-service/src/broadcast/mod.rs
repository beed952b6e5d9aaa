//! Events for any number of listeners, none of whom is waited for.

mod events;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::{Stream, StreamExt as _};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{Receiver, Sender};

pub use self::events::Events;

/// Tells events to any number of listeners. Sending never waits: a listener that is further behind than the capacity misses
/// the oldest events, and is told exactly how many. Clones are the same broadcast.
///
/// What must reach everybody goes another way: `tee` copies without loss, and waits for it.
///
/// # Examples
///
/// ```
/// use pipeline_service::Broadcast;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let broadcast = Broadcast::new(2);
/// let mut slow = broadcast.subscribe();
/// for event in 0..5 {
///     broadcast.send(event);
/// }
/// assert_eq!(slow.next().await.unwrap().unwrap_err().events(), 3);
/// assert_eq!(slow.next().await.unwrap().unwrap(), 3);
/// # }
/// ```
pub struct Broadcast<E>(Sender<E>);

impl<E> Clone for Broadcast<E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<E> fmt::Debug for Broadcast<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broadcast")
            .field("listeners", &self.0.receiver_count())
            .finish()
    }
}

impl<E: Clone + Send + 'static> Broadcast<E> {
    /// A broadcast that keeps the last `capacity` events for those who are behind, or up to twice as many: it is rounded up to
    /// a power of two.
    ///
    /// # Panics
    ///
    /// With a capacity of 0.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        assert!(capacity > 0, "a broadcast has a capacity of at least 1");
        Self(Sender::new(capacity))
    }

    /// Tells an event to all who listen now. Never waits; where nobody listens it is dropped.
    pub fn send(&self, event: E) {
        // The error says that nobody listens, and brings the event back.
        drop(self.0.send(event));
    }

    /// Listens to all events from now on, until the last clone of the broadcast is gone.
    pub fn subscribe(&self) -> Subscription<E> {
        let events = futures::stream::unfold(self.0.subscribe(), next);
        Subscription(Box::pin(events))
    }

    /// All events from now on as an input of a pipeline. What it has missed is a failure of the source, at the errors end.
    pub fn input(&self) -> Events<E> {
        Events::new(self.subscribe())
    }

    /// How many listen now.
    #[must_use]
    pub fn listeners(&self) -> usize {
        self.0.receiver_count()
    }
}

/// What a listener gets next.
async fn next<E: Clone>(mut events: Receiver<E>) -> Option<(Result<E, Gap>, Receiver<E>)> {
    match events.recv().await {
        Ok(event) => Some((Ok(event), events)),
        Err(RecvError::Lagged(missed)) => Some((Err(Gap(missed)), events)),
        Err(RecvError::Closed) => None,
    }
}

/// Events that a listener has missed, because it was too far behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("missed {0} events of a broadcast")]
pub struct Gap(u64);

impl Gap {
    /// How many.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.0
    }
}

/// What somebody hears of a broadcast: each event, or a [`Gap`] where it was too far behind; [`Broadcast::subscribe`] makes it.
#[must_use = "a stream does nothing until it is polled"]
pub struct Subscription<E>(Pin<Box<dyn Stream<Item = Result<E, Gap>> + Send>>);

impl<E> fmt::Debug for Subscription<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Subscription").finish()
    }
}

impl<E> Subscription<E> {
    /// The next event; `None` when the broadcast is gone.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    #[expect(
        clippy::should_implement_trait,
        reason = "it is that of streams, and returns a future"
    )]
    pub fn next(&mut self) -> impl Future<Output = Option<Result<E, Gap>>> + Send {
        self.0.next()
    }
}

impl<E> Stream for Subscription<E> {
    type Item = Result<E, Gap>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(cx)
    }
}
