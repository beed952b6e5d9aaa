//! What an item holds of a budget.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::room::Room;
use crate::named::debug_by_name;

/// What an item holds, and with it all that is made of it: the last to let go of it gives the room back.
#[derive(Default)]
pub(crate) struct Load {
    of: Option<Arc<Of>>,
    /// What the item weighs by itself: what is shared may be held for others, too.
    bytes: u64,
}

struct Of {
    uses: Uses,
    what: What,
}

enum What {
    Permit(Permit),
    /// What the items of a batch hold.
    Several(Vec<Load>),
}

/// Room that was taken, for one item or for several that came together.
pub(crate) struct Permit {
    room: Arc<Room>,
    bytes: u64,
}

/// How many loads there are of it, and, in the upper half, how many of them wait in open batches and the like. In one word: so it is
/// known of each change whether from then on all of them wait, or not all any more.
#[derive(Default)]
struct Uses(AtomicU64);

const PARKED: u64 = 1 << 32;

/// What a change means.
enum Turn {
    /// All of them wait now.
    Parked,
    /// Not all do any more.
    Unparked,
    Nothing,
}

impl Uses {
    /// Relaxed: whoever has a load to let go of, or to park, has got it after it was counted. What is told of the turns are sums,
    /// to which it does not matter in which order they come: so the one that comes last finds them right.
    fn change(&self, by: u64) -> Turn {
        let before = self.0.fetch_add(by, Ordering::Relaxed);
        match (all_parked(before), all_parked(before.wrapping_add(by))) {
            (false, true) => Turn::Parked,
            (true, false) => Turn::Unparked,
            _ => Turn::Nothing,
        }
    }
}

fn all_parked(uses: u64) -> bool {
    let (loads, parked) = (uses % PARKED, uses / PARKED);
    loads > 0 && loads == parked
}

impl Permit {
    pub(super) fn new(room: Arc<Room>, bytes: u64) -> Self {
        Self { room, bytes }
    }

    /// For items that weigh so much each.
    pub(crate) fn loads(
        self,
        weights: impl IntoIterator<Item = u64>,
    ) -> impl Iterator<Item = Load> {
        let of = Of::new(What::Permit(self));
        let weights = weights.into_iter();
        weights.map(move |bytes| Load::counted(Arc::clone(&of), bytes))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.room.release(self.bytes);
    }
}

impl Of {
    fn new(what: What) -> Arc<Self> {
        Arc::new(Self {
            uses: Uses::default(),
            what,
        })
    }

    /// The room that it is of; the first, if it is of several.
    fn room(&self) -> Option<Arc<Room>> {
        match &self.what {
            What::Permit(permit) => Some(Arc::clone(&permit.room)),
            What::Several(loads) => loads.iter().find_map(|load| load.of.as_ref()?.room()),
        }
    }

    fn change(&self, by: u64) {
        match (self.uses.change(by), &self.what) {
            (Turn::Nothing, _) => {}
            (Turn::Parked, What::Permit(permit)) => permit.room.park(permit.bytes),
            (Turn::Unparked, What::Permit(permit)) => permit.room.unpark(permit.bytes),
            (Turn::Parked, What::Several(loads)) => change_all(loads, PARKED),
            (Turn::Unparked, What::Several(loads)) => change_all(loads, PARKED.wrapping_neg()),
        }
    }
}

fn change_all(loads: &[Load], by: u64) {
    for load in loads {
        load.change(by);
    }
}

impl Load {
    pub(crate) const NONE: Self = Self { of: None, bytes: 0 };

    fn counted(of: Arc<Of>, bytes: u64) -> Self {
        of.change(1);
        Self {
            of: Some(of),
            bytes,
        }
    }

    /// What the item weighs.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn is_some(&self) -> bool {
        self.of.is_some()
    }

    /// Holds so much from now on. It does not wait: what is more is in memory already, and nothing is taken in until it fits. What
    /// others hold together with the item is given back when all of them have let go of it.
    pub(crate) fn reweigh(&mut self, bytes: u64) {
        let Some(of) = &mut self.of else { return };
        if let Some(Of {
            what: What::Permit(permit),
            ..
        }) = Arc::get_mut(of)
        {
            permit.room.exchange(permit.bytes, bytes);
            permit.bytes = bytes;
            self.bytes = bytes;
            return;
        }
        let Some(room) = of.room() else { return };
        room.hold(bytes);
        let of = Of::new(What::Permit(Permit::new(room, bytes)));
        *self = Self::counted(of, bytes);
    }

    fn change(&self, by: u64) {
        if let Some(of) = &self.of {
            of.change(by);
        }
    }

    /// All of these.
    pub(crate) fn all(loads: impl IntoIterator<Item = Self>) -> Self {
        let loads = loads.into_iter();
        let mut all: Vec<_> = loads.filter(|load| load.of.is_some()).collect();
        match all.len() {
            0 | 1 => all.pop().unwrap_or_default(),
            _ => {
                let bytes = all.iter().map(Self::bytes).fold(0, u64::saturating_add);
                Self::counted(Of::new(What::Several(all)), bytes)
            }
        }
    }

    /// What holds it waits for more to come, until what is added to `parked` is dropped.
    pub(crate) fn park(&self, parked: &mut Vec<Parked>) {
        if let Some(of) = &self.of {
            of.change(PARKED);
            parked.push(Parked(Arc::clone(of)));
        }
    }

    /// Whether it is room of that budget, or some of it is.
    pub(super) fn is_of(&self, room: &Arc<Room>) -> bool {
        self.of.as_deref().is_some_and(|of| match &of.what {
            What::Permit(permit) => Arc::ptr_eq(&permit.room, room),
            What::Several(loads) => loads.iter().any(|load| load.is_of(room)),
        })
    }

    /// The room, for who keeps a copy that nobody works on.
    pub(crate) fn kept(&self) -> KeptRoom {
        KeptRoom(self.of.clone(), self.bytes)
    }
}

impl Clone for Load {
    fn clone(&self) -> Self {
        let of = self.of.clone();
        of.map_or(Self::NONE, |of| Self::counted(of, self.bytes))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.change(1_u64.wrapping_neg());
    }
}

/// A load of an item that waits in an open batch or the like.
pub struct Parked(Arc<Of>);

debug_by_name!(Parked);

impl Drop for Parked {
    fn drop(&mut self) {
        self.0.change(PARKED.wrapping_neg());
    }
}

/// Room that is not given back, though no load of it is left: nor does it keep the others from being handed on.
pub(crate) struct KeptRoom(Option<Arc<Of>>, u64);

impl KeptRoom {
    /// For who goes on with the copy.
    pub(crate) fn load(self) -> Load {
        let Self(of, bytes) = self;
        of.map_or(Load::NONE, |of| Load::counted(of, bytes))
    }
}
