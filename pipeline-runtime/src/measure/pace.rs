//! How much a worker takes at once, by what its work costs.

use std::time::{Duration, Instant};

use crate::measure::cpu;

/// The time of one worker's own work, read only when it is due.
#[derive(Debug)]
pub(crate) struct Pace {
    clock: fn() -> Instant,
    want: usize,
    turns: u32,
    started: Option<Instant>,
    /// When it ended.
    ended: Option<Instant>,
    /// How long the last measured chunk took.
    last: u64,
    /// How many measured chunks there are until the processor's clock is read for one; `None` where it is not.
    unprobed: Option<u32>,
    /// What the thread had had of a processor when the work began.
    cpu: Option<Duration>,
    probe: Option<Probe>,
}

/// What a chunk had of a processor.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Probe {
    pub(crate) cpu: Duration,
    /// Of how many items it was.
    pub(crate) items: u64,
}

/// Of so many measured chunks that take less than a millisecond the processor's clock is read for one: it takes as long as
/// twenty of the others.
const PROBES: u32 = 16;

/// As much work as a worker may hold: until it is done, others may be idle and the next stage waits.
const TARGET_NANOS: u64 = 100_000;

/// Work that takes longer is long enough for a wake-up to be cheap beside it, and too long for a result to wait for.
const SLOW_NANOS: u64 = 1_000_000;

impl Pace {
    pub(crate) fn new() -> Self {
        Self::by(Instant::now)
    }

    /// For work that does not wait: what it has of a processor is measured now and then, too.
    pub(crate) fn probed() -> Self {
        Self {
            unprobed: Some(0),
            ..Self::new()
        }
    }

    /// By the clock of the tokio runtime, for work that waits for it: both are virtual, or neither.
    pub(crate) fn of_runtime() -> Self {
        Self::by(|| tokio::time::Instant::now().into_std())
    }

    fn by(clock: fn() -> Instant) -> Self {
        Self {
            clock,
            want: 1,
            turns: 0,
            started: None,
            ended: None,
            last: 0,
            unprobed: None,
            cpu: None,
            probe: None,
        }
    }

    /// How many items to take next: at least 1, at most `most`.
    pub(crate) fn want(&self, most: usize) -> usize {
        self.want.min(most).max(1)
    }

    /// Work on a chunk begins. Clocks are read while it ramps up, and then for one chunk in eight: for how many chunks
    /// this one speaks, 0 if it is not measured. To read a clock takes as long as a cheap item, so `now` is used where it
    /// is known.
    pub(crate) fn begin(&mut self, most: usize, now: Option<Instant>) -> u32 {
        self.turns = self.turns.wrapping_add(1);
        let speaks_for = match (self.want >= most, self.turns.is_multiple_of(8)) {
            (false, _) => 1,
            (true, true) => 8,
            (true, false) => 0,
        };
        if speaks_for > 0 {
            self.probes();
        }
        self.started = (speaks_for > 0).then(|| now.unwrap_or_else(self.clock));
        speaks_for
    }

    /// Reads the processor's clock where it is due.
    fn probes(&mut self) {
        self.cpu = match &mut self.unprobed {
            None => None,
            Some(left) if *left > 0 && self.last < SLOW_NANOS => {
                *left -= 1;
                None
            }
            Some(left) => {
                *left = PROBES;
                cpu::of_thread()
            }
        };
    }

    /// What the work had of a processor that has just ended, if that was measured; once.
    pub(crate) fn probe(&mut self) -> Option<Probe> {
        self.probe.take()
    }

    /// When the work ended that was just measured; once.
    pub(crate) fn ended(&mut self) -> Option<Instant> {
        self.ended.take()
    }

    /// Whether the next chunk may take long, measured by the last: then nobody should wait for its end.
    pub(crate) fn slow(&self) -> bool {
        self.last > SLOW_NANOS
    }

    /// What lasted so long since the beginning was no work.
    #[cold]
    pub(crate) fn waited(&mut self, wait: Duration) {
        self.started = self.started.map(|started| started + wait);
    }

    /// Work on `items` has ended: what an item cost, in nanoseconds, where it was measured.
    pub(crate) fn end(&mut self, items: usize) -> Option<u64> {
        self.end_of(items, items)
    }

    /// The same of a taking of `taken`, of which only `items` were any work: the others had failed in the source.
    pub(crate) fn end_of(&mut self, items: usize, taken: usize) -> Option<u64> {
        let (started, now) = (self.started.take()?, (self.clock)());
        self.ended = Some(now);
        let nanos =
            u64::try_from(now.saturating_duration_since(started).as_nanos()).unwrap_or(u64::MAX);
        self.last = nanos;
        self.probe = self.cpu.take().and_then(|began| {
            Some(Probe {
                cpu: cpu::of_thread()?.saturating_sub(began),
                items: items as u64,
            })
        });
        let cost = nanos / items.max(1) as u64;
        if nanos > TARGET_NANOS {
            self.want = usize::try_from(TARGET_NANOS / cost.max(1))
                .unwrap_or(usize::MAX)
                .clamp(1, self.want);
        } else if items > 0 && taken >= self.want && cost * (self.want as u64) < TARGET_NANOS / 2 {
            self.want = self.want.saturating_mul(2);
        }
        Some(cost)
    }
}
