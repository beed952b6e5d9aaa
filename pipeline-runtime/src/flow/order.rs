//! In which order items come back from the arms of a `match`.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::flow::join::Wakes;
use crate::flow::numbered::Numbers;
use crate::ticket::{Awaits, Carry, InTurn, Turn};

/// The numbers of the items that are to come back, from the split to the join.
///
/// Its lock is the last that anyone takes: items are numbered under that of the split, brought together under that of the
/// join, and lost wherever they are.
pub(crate) struct Order {
    state: Mutex<State>,
    /// Those who wait behind the join.
    wakes: Arc<Wakes>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    /// The number that is due next.
    head: u64,
    /// From there on the lanes that the items went into; `LOST` for those that will not come.
    slots: VecDeque<usize>,
}

const LOST: usize = usize::MAX;

impl Order {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            wakes: Arc::default(),
        })
    }

    pub(crate) fn wakes(&self) -> &Arc<Wakes> {
        &self.wakes
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The number that is due, and its lane; nothing is under way if there is none. Those that are lost are passed over.
    pub(crate) fn due(&mut self) -> Option<(u64, usize)> {
        while let Some(lane) = self.slots.front() {
            if *lane != LOST {
                return Some((self.head, *lane));
            }
            self.pass();
        }
        None
    }

    /// What is due has come, or will not.
    pub(crate) fn pass(&mut self) {
        self.slots.pop_front();
        self.head += 1;
    }
}

impl Awaits for Order {
    fn lost(&self, number: u64) {
        let mut state = self.lock();
        // It may have been passed over already.
        let Some(place) = number.checked_sub(state.head) else {
            return;
        };
        let place = usize::try_from(place).unwrap_or(LOST);
        if let Some(slot) = state.slots.get_mut(place) {
            *slot = LOST;
        }
        drop(state);
        if place == 0 {
            self.wakes.one();
        }
    }
}

impl std::fmt::Debug for Order {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Order")
    }
}

/// Where items come back in the order in which they were divided: those of the lanes that come back are numbered.
#[derive(Debug)]
pub struct Numbered {
    pub(crate) order: Arc<Order>,
    pub(crate) returns: Vec<bool>,
}

/// One numbering, under the lock of the order.
#[derive(Debug)]
pub struct Numbering<'a> {
    state: MutexGuard<'a, State>,
    of: &'a Numbered,
}

impl<A: Carry> Numbers<A> for Numbered {
    type Ticket = InTurn<A>;
    type Numbering<'a> = Numbering<'a>;

    fn numbering(&self) -> Numbering<'_> {
        Numbering {
            state: self.order.lock(),
            of: self,
        }
    }

    #[inline]
    fn number(numbering: &mut Numbering<'_>, lane: usize, ticket: A) -> InTurn<A> {
        let Numbering { state, of } = numbering;
        let turn = of.returns[lane].then(|| {
            let number = state.head + state.slots.len() as u64;
            state.slots.push_back(lane);
            Turn::of(Arc::clone(&of.order) as Arc<dyn Awaits>, number)
        });
        InTurn { ticket, turn }
    }
}
