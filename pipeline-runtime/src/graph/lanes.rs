//! The bounds of what waits in the lanes behind an edge: it waits under the bound of that edge.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Arrow, Bounded};
use crate::flow::edge::Bound;

/// What the lanes allow to wait, in the bound of the edge in front.
pub(super) struct Lanes {
    front: Vec<Arc<dyn Bounded>>,
    /// As they were before any lane had said something.
    before: Vec<Bound>,
    /// How many items may wait, by what two lanes allow.
    both: fn(usize, usize) -> usize,
    /// What the lanes allow, and whether that is automatic.
    buffers: Mutex<Vec<Option<(usize, bool)>>>,
}

impl Lanes {
    /// Where an item waits in one of so many lanes.
    pub(super) fn adding_up(front: &[Arrow], lanes: usize) -> Arc<Self> {
        Self::new(front, lanes, usize::saturating_add)
    }

    /// Where an item waits until all of the lanes have taken it.
    pub(super) fn at_once(front: &[Arrow], lanes: usize) -> Arc<Self> {
        Self::new(front, lanes, usize::max)
    }

    fn new(front: &[Arrow], lanes: usize, both: fn(usize, usize) -> usize) -> Arc<Self> {
        let front: Vec<_> = front.iter().map(|arrow| Arc::clone(&arrow.bound)).collect();
        let before = front.iter().map(|front| front.bound()).collect();
        Arc::new(Self {
            front,
            before,
            both,
            buffers: Mutex::new(vec![None; lanes]),
        })
    }

    /// What the next group's `buffer` sets.
    pub(super) fn lane(self: &Arc<Self>, lane: usize) -> Arc<dyn Bounded> {
        let lanes = Arc::clone(self);
        Arc::new(LaneBound { lanes, lane })
    }
}

struct LaneBound {
    lanes: Arc<Lanes>,
    lane: usize,
}

impl Bounded for LaneBound {
    fn bound(&self) -> Bound {
        self.lanes.front[0].bound()
    }

    fn rebound(&self, change: &dyn Fn(Bound) -> Bound) {
        let Lanes {
            front,
            before,
            both,
            buffers,
        } = &*self.lanes;
        let mut buffers = buffers.lock().unwrap_or_else(PoisonError::into_inner);
        for (front, before) in front.iter().zip(before) {
            let automatic = change(Bound {
                automatic: true,
                ..*before
            });
            let written = change(Bound {
                automatic: false,
                ..*before
            });
            let buffer = written.limit.saturating_sub(written.window);
            buffers[self.lane] = Some((buffer, automatic.automatic));
            let said = || buffers.iter().flatten();
            if before.automatic && said().all(|(_, automatic)| *automatic) {
                continue;
            }
            let all = said().fold(0, |all, (buffer, _)| both(all, *buffer));
            front.rebound(&|_| Bound {
                limit: before.window.saturating_add(all),
                automatic: false,
                ..*before
            });
        }
    }
}
