//! Events for any number of listeners, none of whom is waited for.

mod events;
mod log;
mod outbox;
mod over;
mod reading;
mod subscription;

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::broadcast::Sender;

pub use self::events::Events;
pub use self::log::{Batch, Entry, EventLog, LogError, Page};
use self::over::Over;
pub use self::subscription::{Gap, Subscription};

/// Tells events to any number of listeners. Sending never waits: a listener that is further behind than the capacity misses
/// the oldest events, and is told exactly how many. Clones are the same broadcast.
///
/// [`new`](Self::new) is heard in this program. One that other programs hear, too, comes from a database, with the feature of
/// that: `db.broadcast::<Event>("events").open()`; [`over`](Self::over) says how it behaves.
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
pub struct Broadcast<E>(Kind<E>);

enum Kind<E> {
    Here(Sender<E>),
    Over(Arc<Over<E>>),
}

impl<E> Clone for Broadcast<E> {
    fn clone(&self) -> Self {
        Self(match &self.0 {
            Kind::Here(sender) => Kind::Here(sender.clone()),
            Kind::Over(over) => Kind::Over(Arc::clone(over)),
        })
    }
}

impl<E: Clone> fmt::Debug for Broadcast<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broadcast")
            .field("listeners", &self.count())
            .finish()
    }
}

impl<E: Clone> Broadcast<E> {
    fn count(&self) -> usize {
        match &self.0 {
            Kind::Here(sender) => sender.receiver_count(),
            Kind::Over(over) => over.listeners.count(),
        }
    }
}

impl<E: Clone + Serialize + DeserializeOwned + Send + 'static> Broadcast<E> {
    /// A broadcast that is heard in all programs that have one over the same place: what any of them sends, in one order, from
    /// the number after `after` on. Databases call this; a place of your own implements [`EventLog`].
    ///
    /// Sending does not wait here either: up to `capacity` events wait for a task that writes them out, and what finds no room,
    /// because the place is away or slower than they come, is dropped and told to all who listen, as so many missed. So is an
    /// event of more than 1 MiB of JSON, and one that is no JSON. Who listens hears of what is written, in this program, too: what it has
    /// missed, because it was further behind than `capacity`, or the place has dropped it meanwhile, or a version of the program
    /// has sent it that this one does not understand, it is told by number. While the place is away nothing is heard, and
    /// what was sent elsewhere meanwhile comes when it is back.
    ///
    /// What waits when the last clone is dropped is still written, for up to 30 s as long as the runtime is there. What a
    /// program that is killed has not written yet nobody hears of; [`flush`](Self::flush) waits for it.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, in which its two tasks run; and with a capacity of 0.
    #[must_use]
    pub fn over(log: impl EventLog, after: u64, capacity: usize) -> Self {
        has_capacity(capacity);
        Self(Kind::Over(Arc::new(Over::start(log, after, capacity))))
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
        has_capacity(capacity);
        Self(Kind::Here(Sender::new(capacity)))
    }

    /// Tells an event to all who listen now. Never waits; where nobody listens it is dropped.
    pub fn send(&self, event: E) {
        match &self.0 {
            // The error says that nobody listens, and brings the event back.
            Kind::Here(sender) => drop(sender.send(event)),
            Kind::Over(over) => over.send(&event),
        }
    }

    /// Listens to all events from now on, until the last clone of the broadcast is gone. Of a broadcast over several programs
    /// what was sent in the second before may be heard, too.
    pub fn subscribe(&self) -> Subscription<E> {
        match &self.0 {
            Kind::Here(sender) => Subscription::new(sender.subscribe()),
            Kind::Over(over) => {
                let (events, at) = over.listeners.listen();
                Subscription::after(at, events)
            }
        }
    }

    /// All events from now on as an input of a pipeline. What it has missed is a failure of the source, at the errors end.
    pub fn input(&self) -> Events<E> {
        Events::new(self.subscribe())
    }

    /// How many listen now, in this program.
    #[must_use]
    pub fn listeners(&self) -> usize {
        self.count()
    }

    /// How many events of this program were dropped because they found no room or could not be written: 0 where only this
    /// program hears it.
    #[must_use]
    pub fn lost(&self) -> u64 {
        match &self.0 {
            Kind::Here(_) => 0,
            Kind::Over(over) => over.lost(),
        }
    }

    /// Waits until all that this program has sent before is written, where other programs hear it: for as long as the place is
    /// away.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe; the events are written all the same.
    pub async fn flush(&self) {
        if let Kind::Over(over) = &self.0 {
            over.flush().await;
        }
    }
}

fn has_capacity(capacity: usize) {
    assert!(capacity > 0, "a broadcast has a capacity of at least 1");
}
