//! How many bytes the items of pipelines may hold.

mod load;
mod place;
mod room;
mod usage;

use std::fmt;
use std::sync::{Arc, Weak};

pub use self::load::Parked;
pub(crate) use self::load::{KeptRoom, Load};
pub(crate) use self::place::Place;
pub(crate) use self::room::Flushes;
use self::room::Room;
pub use self::usage::Usage;

/// How many bytes the items of a pipeline, or of several, may hold together. Clones are the same budget.
///
/// The items of an input that is [`weighed`](crate::source::weighed) hold their weight from when they are taken in until the
/// last of what was made of them is done, dropped, or handed over: to the consumer of a stream or a collection, or to the errors
/// end. While there is no room for the next item, nothing is taken in. What a stage passes on holds what came in: outputs of one
/// item hold it together, a batch what its items hold.
///
/// Where a stage makes something lighter or heavier of it, the option `weight` says how heavy: `map(parse) with
/// { weight: |shape| shape.bytes() }`. It holds that from when the next stage takes it. What is less is given back; what is more
/// waits for nothing, for it is in memory already, and nothing is taken in until it fits: so what is held may be more by as much
/// as items have grown. What several hold together, light ones and outputs of one item, is given back when the last of them has been
/// weighed or let go. Where a `weight` panics, its item holds what it held.
///
/// What is held is at most the budget, or the weight of the heaviest item, whichever is more: one that is heavier than the budget
/// is taken in when nothing else is held, and nothing beside it. Besides, each input has one item in hand that waits for room, or
/// as many as came with it: an input that brings several at a time is asked for no more than would fit if all were as heavy as the
/// heaviest so far.
///
/// What goes into a side line with `lossy` holds nothing, since nothing waits for that. Behind a [`link()`](crate::link()) of items
/// that are `Clone` each has a copy while it is worked on, which weighs nothing more.
///
/// Whoever shares a budget is to be polled: an input that was given its turn and is not asked again lets nobody pass, but where
/// it is paused.
///
/// Weights are numbers that a closure returns: bytes, if these are what memory is bought in. *An item weighs the most that is
/// made of it*: a JSON text of 1 MB takes about 10 MB as a `serde_json::Value`. What user code keeps is not counted. And the
/// process may take more than is held: allocators keep what was freed (glibc's in as many arenas as there are threads).
///
/// # Liveness
///
/// Where all that is held waits in open batches and folds, these are handed on before they are full, as at the end of the input.
/// `stateful` holds nothing for what it keeps: its state is the program's. So no pipeline waits for itself.
///
/// # Examples
///
/// ```
/// # use pipeline_runtime::{Budget, source};
/// let budget = Budget::new(256 << 20);
/// let texts = vec!["a".to_owned(), "b".to_owned()];
/// let texts = source::weighed(texts, &budget, |text| 11 * text.len());
/// # let _ = texts;
/// assert_eq!(budget.usage().held, 0);
/// ```
#[derive(Clone)]
pub struct Budget(Arc<Room>);

impl Budget {
    /// A budget of so many bytes.
    ///
    /// # Panics
    ///
    /// With 0 bytes.
    #[must_use]
    #[track_caller]
    pub fn new(bytes: u64) -> Self {
        assert!(bytes > 0, "a budget has at least 1 byte");
        Self(Arc::new(Room::new(bytes)))
    }

    /// What is held, and what was.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.0.usage()
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Where one input waits for room.
    pub(crate) fn place(&self) -> Place {
        Place::new(Arc::clone(&self.0))
    }

    /// What keeps items in a pipeline is told by this to hand them on.
    pub(crate) fn flushes(&self, pipeline: Weak<dyn Flushes>) {
        self.0.flushes(pipeline);
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Budget").field(&self.usage()).finish()
    }
}

#[cfg(test)]
mod tests;
