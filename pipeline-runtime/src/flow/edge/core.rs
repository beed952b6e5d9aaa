//! The part of an edge that knows no item: credits, sequence numbers, waiters, counts.

use std::collections::BTreeMap;
use std::task::Waker;
use std::time::Duration;

use super::demand::Demand;
use super::waiters::Waiters;
use crate::measure::counts::Counts;

/// How much measured work an automatic bound is worth, in nanoseconds.
const AUTOMATIC_WORTH: u64 = 4_000_000;

/// The same as a time.
const WORTH: Duration = Duration::from_nanos(AUTOMATIC_WORTH);

/// How many items an edge may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bound {
    /// Between being taken by the stage and being emitted in order.
    pub(crate) window: usize,
    /// The same plus what waits for the next stage.
    pub(crate) limit: usize,
    /// Whether `limit` and `window` are ceilings that measured work lowers.
    pub(crate) automatic: bool,
    /// Never lowered below this.
    pub(crate) floor: usize,
    /// What the head of the line may hold beyond `limit` when nothing of it is left: 1 behind a `flat_map`, so that it
    /// can always go on.
    pub(crate) extra: usize,
}

#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) bound: Bound,
    /// What of the bound is in use: equal to it where it is written.
    window: usize,
    limit: usize,
    /// How many items are worth as much work of the stage.
    made: usize,
    /// How many the next stage takes meanwhile.
    demand: Demand,
    /// Credits of items taken by the stage and not yet emitted.
    inside: usize,
    /// Credits of items that the next stage has not used up, and those reserved for outputs of a `flat_map`.
    ready: usize,
    /// Those of `ready` that are reserved for outputs not yet emitted.
    reserved: usize,
    /// The sequence number to be emitted next.
    pub(crate) head: u64,
    /// Sequence numbers handed to the next stage.
    pub(crate) stamps: u64,
    /// Nothing more comes: the stage has ended.
    pub(crate) ended: bool,
    /// Nobody wants more: the consumer has gone or the pipeline stops.
    pub(crate) gone: bool,
    pub(crate) takers: Waiters,
    pub(crate) givers: Waiters,
    /// The fewest credits that a waiting worker has asked for.
    least_want: usize,
    /// Workers with more outputs than credits, by sequence number.
    heads: BTreeMap<u64, Waker>,
    pub(crate) counts: Counts,
}

impl Core {
    pub(crate) fn new(bound: Bound, counts: Counts) -> Self {
        Self {
            bound,
            window: bound.window,
            limit: bound.limit,
            made: usize::MAX,
            demand: Demand::new(),
            inside: 0,
            ready: 0,
            reserved: 0,
            head: 0,
            stamps: 0,
            ended: false,
            gone: false,
            takers: Waiters::default(),
            givers: Waiters::default(),
            least_want: usize::MAX,
            heads: BTreeMap::new(),
            counts,
        }
    }

    pub(crate) fn rebound(&mut self, bound: Bound) {
        self.bound = bound;
        self.made = usize::MAX;
        self.demand = Demand::new();
        self.adapt();
    }

    /// What of an automatic bound is in use: what is worth the work of the stage, and of that what the next stage takes.
    fn adapt(&mut self) {
        let Bound {
            window,
            limit,
            automatic,
            floor,
            ..
        } = self.bound;
        let (made, taken) = if automatic {
            (self.made, self.demand.items())
        } else {
            (usize::MAX, usize::MAX)
        };
        self.window = made.max(floor).min(window);
        self.limit = made.min(taken).max(floor).min(limit);
    }

    /// There is no next stage.
    pub(crate) fn untaken(&mut self) {
        self.demand = Demand::of_nobody();
        self.adapt();
    }

    /// So many are to work at the same time: an automatic bound leaves them room.
    pub(crate) fn recount(&mut self, count: usize) {
        if self.bound.automatic {
            let floor = count.saturating_mul(2);
            self.bound.floor = floor;
            self.bound.window = self.bound.window.max(floor);
            self.bound.limit = self.bound.limit.max(floor);
            self.adapt();
        }
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// What the stage may have taken and not yet emitted, where nothing waits for the next stage.
    pub(crate) fn window(&self) -> usize {
        self.window.min(self.limit)
    }

    pub(crate) fn held(&self) -> usize {
        self.inside + self.ready
    }

    /// Lets an automatic bound follow the measured cost of an item.
    pub(crate) fn costs(&mut self, nanos_per_item: u64) {
        if self.bound.automatic {
            let worth = AUTOMATIC_WORTH / nanos_per_item.max(1);
            self.made = usize::try_from(worth).unwrap_or(usize::MAX);
            self.adapt();
        }
    }

    /// The next stage takes `items`: whether that has changed what of an automatic bound is in use.
    #[inline]
    pub(crate) fn takes(&mut self, items: usize, keeps: bool) -> bool {
        let changed = self.bound.automatic && self.demand.takes(items, keeps, WORTH);
        if changed {
            self.adapt();
        }
        changed
    }

    /// The next stage waits for items, in the same way.
    #[inline]
    pub(crate) fn starves(&mut self) -> bool {
        let changed = self.bound.automatic && self.demand.waits();
        if changed {
            self.adapt();
        }
        changed
    }

    fn room(&self) -> usize {
        self.window
            .saturating_sub(self.inside)
            .min(self.limit.saturating_sub(self.held()))
    }

    /// Takes up to `want` credits for items to be pulled.
    pub(crate) fn acquire(&mut self, want: usize) -> usize {
        let granted = self.room().min(want);
        self.inside += granted;
        granted
    }

    pub(crate) fn wait_for_credits(&mut self, place: usize, want: usize, waker: &Waker) {
        self.least_want = if self.givers.any() {
            self.least_want.min(want)
        } else {
            want
        };
        self.givers.park(place, waker);
    }

    /// Gives back credits of items that will not be emitted.
    pub(crate) fn release(&mut self, credits: usize) {
        self.inside -= credits;
    }

    /// Outputs for which room was reserved wait for their turn with the stage.
    pub(crate) fn readmit(&mut self, items: usize) {
        self.inside += items;
    }

    /// `items` of the stage's are emitted: from here they wait for the next stage.
    pub(crate) fn emit(&mut self, items: usize) {
        self.inside -= items;
        self.ready += items;
    }

    /// Reserves room for up to `want` outputs of a `flat_map`. One place is left to the head of the line, and where
    /// others have taken that too, it gets one beyond the limit: nothing else can go on before it does.
    pub(crate) fn reserve(&mut self, want: usize, head: bool, ordered: bool) -> usize {
        let room = self.limit.saturating_sub(self.held());
        // What others reserved waits for the head if there is an order, and is emitted without it if there is none.
        let behind = if ordered { self.reserved } else { 0 };
        let granted = match (head, self.ready == behind) {
            (true, true) => room.max(self.bound.extra),
            (true, false) => room,
            (false, _) => room.saturating_sub(1),
        };
        let granted = granted.min(want);
        self.ready += granted;
        self.reserved += granted;
        granted
    }

    /// Outputs for which room was reserved are emitted, or wait for their turn, or are not needed.
    pub(crate) fn unreserve(&mut self, outputs: usize) {
        self.reserved -= outputs;
    }

    /// The next stage has used up items, or room that was reserved is given back.
    pub(crate) fn used(&mut self, items: usize) {
        self.ready -= items;
    }

    pub(crate) fn wait_as_head(&mut self, seq: u64, waker: &Waker) {
        self.heads.insert(seq, waker.clone());
    }

    /// The worker with the item numbered `seq` waits no more, whatever woke it.
    pub(crate) fn stop_waiting(&mut self, seq: u64) {
        self.heads.remove(&seq);
    }

    pub(crate) fn head_waits(&self) -> bool {
        !self.heads.is_empty()
    }

    /// Whom to wake after credits came back: the head of the line first. Others only when it is worth their while,
    /// which is at once for a worker that takes single items.
    #[must_use]
    pub(crate) fn wake_giver(&mut self, ordered: bool) -> Option<Waker> {
        if self.head_waits() {
            let head = self.head;
            let waker = if ordered {
                self.heads.remove(&head)
            } else {
                self.heads.pop_first().map(|(_, waker)| waker)
            };
            if waker.is_some() {
                return waker;
            }
        }
        if self.givers.any()
            && self.room() > 0
            && self.room() >= (self.window() / 2).min(self.least_want)
        {
            return self.givers.choose();
        }
        None
    }

    #[must_use]
    pub(crate) fn wake_everyone(&mut self) -> Vec<Waker> {
        let mut all = self.takers.choose_all();
        all.extend(self.givers.choose_all());
        all.extend(std::mem::take(&mut self.heads).into_values());
        all
    }
}
