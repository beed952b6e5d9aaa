//! What an item holds of a budget.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::room::Room;
use crate::named::debug_by_name;

/// What an item holds, and with it all that is made of it: the last to let go of it gives the room back.
///
/// One word, for every item of a source that brings messages has one, with a budget or without.
#[derive(Default)]
pub(crate) struct Load(Option<Arc<Of>>);

struct Of {
    uses: Uses,
    /// What the item weighs.
    bytes: u64,
    what: What,
}

enum What {
    Permit(Permit),
    /// What is held for the item and for others, too.
    Part(Load),
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

    /// For one item.
    fn load(self) -> Load {
        Load::counted(Of::new(self.bytes, What::Permit(self)))
    }

    /// For items that weigh so much each.
    pub(crate) fn loads(
        self,
        weights: impl IntoIterator<Item = u64, IntoIter: ExactSizeIterator>,
    ) -> impl Iterator<Item = Load> {
        let weights = weights.into_iter();
        let (is_alone, all) = (weights.len() == 1, self.load());
        weights.map(move |bytes| {
            let part = all.clone();
            if is_alone {
                part
            } else {
                Load::counted(Of::new(bytes, What::Part(part)))
            }
        })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.room.release(self.bytes);
    }
}

impl Of {
    fn new(bytes: u64, what: What) -> Arc<Self> {
        Arc::new(Self {
            uses: Uses::default(),
            bytes,
            what,
        })
    }

    /// The room that it is of; the first, if it is of several.
    fn room(&self) -> Option<Arc<Room>> {
        match &self.what {
            What::Permit(permit) => Some(Arc::clone(&permit.room)),
            What::Part(load) => load.0.as_ref()?.room(),
            What::Several(loads) => loads.iter().find_map(|load| load.0.as_ref()?.room()),
        }
    }

    fn change(&self, by: u64) {
        match (self.uses.change(by), &self.what) {
            (Turn::Nothing, _) => {}
            (Turn::Parked, What::Permit(permit)) => permit.room.park(permit.bytes),
            (Turn::Unparked, What::Permit(permit)) => permit.room.unpark(permit.bytes),
            (Turn::Parked, What::Part(load)) => load.change(PARKED),
            (Turn::Unparked, What::Part(load)) => load.change(PARKED.wrapping_neg()),
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
    pub(crate) const NONE: Self = Self(None);

    fn counted(of: Arc<Of>) -> Self {
        of.change(1);
        Self(Some(of))
    }

    /// What the item weighs.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.as_ref().map_or(0, |of| of.bytes)
    }

    pub(crate) fn is_some(&self) -> bool {
        self.0.is_some()
    }

    /// Holds so much from now on. It does not wait: what is more is in memory already, and nothing is taken in until it fits. What
    /// others hold together with the item is given back when all of them have let go of it.
    pub(crate) fn reweigh(&mut self, bytes: u64) {
        let Some(of) = &mut self.0 else { return };
        if let Some(Of {
            bytes: weight,
            what: What::Permit(permit),
            ..
        }) = Arc::get_mut(of)
        {
            permit.room.exchange(permit.bytes, bytes);
            (permit.bytes, *weight) = (bytes, bytes);
            return;
        }
        let Some(room) = of.room() else { return };
        room.hold(bytes);
        *self = Permit::new(room, bytes).load();
    }

    fn change(&self, by: u64) {
        if let Some(of) = &self.0 {
            of.change(by);
        }
    }

    /// All of these.
    pub(crate) fn all(loads: impl IntoIterator<Item = Self>) -> Self {
        let loads = loads.into_iter();
        let mut all: Vec<_> = loads.filter(Self::is_some).collect();
        match all.len() {
            0 | 1 => all.pop().unwrap_or_default(),
            _ => {
                let bytes = all.iter().map(Self::bytes).fold(0, u64::saturating_add);
                Self::counted(Of::new(bytes, What::Several(all)))
            }
        }
    }

    /// What holds it waits for more to come, until what is added to `parked` is dropped.
    pub(crate) fn park(&self, parked: &mut Vec<Parked>) {
        if let Some(of) = &self.0 {
            of.change(PARKED);
            parked.push(Parked(Arc::clone(of)));
        }
    }

    /// Whether it is room of that budget, or some of it is.
    pub(super) fn is_of(&self, room: &Arc<Room>) -> bool {
        self.0.as_deref().is_some_and(|of| match &of.what {
            What::Permit(permit) => Arc::ptr_eq(&permit.room, room),
            What::Part(load) => load.is_of(room),
            What::Several(loads) => loads.iter().any(|load| load.is_of(room)),
        })
    }

    /// The room, for who keeps a copy that nobody works on.
    pub(crate) fn kept(&self) -> KeptRoom {
        KeptRoom(self.0.clone())
    }
}

impl Clone for Load {
    fn clone(&self) -> Self {
        self.0.clone().map_or(Self::NONE, Self::counted)
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
pub(crate) struct KeptRoom(Option<Arc<Of>>);

impl KeptRoom {
    /// For who goes on with the copy.
    pub(crate) fn load(self) -> Load {
        self.0.map_or(Load::NONE, Load::counted)
    }
}
