//! Events for any number of listeners, none of whom is waited for.

mod events;
mod subscription;

use std::fmt;

use tokio::sync::broadcast::Sender;

pub use self::events::Events;
pub use self::subscription::{Gap, Subscription};

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
        Subscription::new(self.0.subscribe())
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
