//! What an item holds of a budget.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::room::Room;
use crate::named::debug_by_name;

/// What an item holds, and with it all that is made of it: the last to let go of it gives the room back.
#[derive(Default)]
pub(crate) struct Load(Option<Arc<Of>>);

enum Of {
    Permit(Permit),
    /// What the items of a batch hold.
    Several(Vec<Load>),
}

/// Room that was taken, for one item or for several that came together.
pub(crate) struct Permit {
    room: Arc<Room>,
    bytes: u64,
    /// How many loads there are of it, and, in the upper half, how many of them wait in open batches and the like. In one word: so
    /// it is known of each change whether from then on all of them wait, or not all any more.
    uses: AtomicU64,
}

const PARKED: u64 = 1 << 32;

fn loads(uses: u64) -> u64 {
    uses % PARKED
}

fn all_parked(uses: u64) -> bool {
    loads(uses) > 0 && loads(uses) == uses / PARKED
}

impl Permit {
    pub(super) fn new(room: Arc<Room>, bytes: u64) -> Self {
        Self {
            room,
            bytes,
            uses: AtomicU64::new(0),
        }
    }

    /// For so many items.
    pub(crate) fn loads(self, items: usize) -> impl Iterator<Item = Load> {
        let of = Arc::new(Of::Permit(self));
        (0..items).map(move |_| Load(Some(Arc::clone(&of))).counted())
    }

    /// Relaxed throughout: whoever has a load to let go of, or to park, has got it after it was counted, and what follows is done
    /// under the lock of the room.
    fn more(&self) {
        let before = self.uses.fetch_add(1, Ordering::Relaxed);
        self.turned(before, before + 1);
    }

    fn fewer(&self) {
        let before = self.uses.fetch_sub(1, Ordering::Relaxed);
        self.turned(before, before - 1);
    }

    fn park(&self) {
        let before = self.uses.fetch_add(PARKED, Ordering::Relaxed);
        self.turned(before, before + PARKED);
    }

    fn unpark(&self) {
        let before = self.uses.fetch_sub(PARKED, Ordering::Relaxed);
        self.turned(before, before - PARKED);
    }

    fn turned(&self, before: u64, after: u64) {
        match (all_parked(before), all_parked(after)) {
            (false, true) => self.room.park(self.bytes),
            (true, false) => self.room.unpark(self.bytes),
            _ => {}
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.room.release(self.bytes);
    }
}

impl Load {
    pub(crate) const NONE: Self = Self(None);

    fn counted(self) -> Self {
        if let Some(Of::Permit(permit)) = self.0.as_deref() {
            permit.more();
        }
        self
    }

    /// All of these.
    pub(crate) fn all(loads: impl IntoIterator<Item = Self>) -> Self {
        let loads = loads.into_iter();
        let mut all: Vec<_> = loads.filter(|load| load.0.is_some()).collect();
        match all.len() {
            0 | 1 => all.pop().unwrap_or_default(),
            _ => Self(Some(Arc::new(Of::Several(all)))),
        }
    }

    /// What holds it waits for more to come, until what is added to `parked` is dropped.
    pub(crate) fn park(&self, parked: &mut Vec<Parked>) {
        let Some(of) = &self.0 else { return };
        match &**of {
            Of::Permit(permit) => {
                permit.park();
                parked.push(Parked(Arc::clone(of)));
            }
            Of::Several(loads) => loads.iter().for_each(|load| load.park(parked)),
        }
    }
}

impl Clone for Load {
    fn clone(&self) -> Self {
        Self(self.0.clone()).counted()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        if let Some(Of::Permit(permit)) = self.0.as_deref() {
            permit.fewer();
        }
    }
}

/// A load of an item that waits in an open batch or the like.
pub struct Parked(Arc<Of>);

debug_by_name!(Parked);

impl Drop for Parked {
    fn drop(&mut self) {
        if let Of::Permit(permit) = &*self.0 {
            permit.unpark();
        }
    }
}
