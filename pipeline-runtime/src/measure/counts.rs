//! What is counted: input items and what became of them.

use crate::ticket::Carry;

/// The counts of one edge, and of the stages in front of it, kept under the edge's lock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Items handed to the next stage.
    pub(crate) handed: u64,
    /// Items that the group has resolved, whatever became of them.
    pub(crate) resolved: u64,
    /// Items that the group has emitted.
    pub(crate) emitted: u64,
    /// Items for which a side line had no room.
    pub(crate) skipped: u64,
    /// One for each stage of the group.
    pub(crate) stages: Vec<StageCounts>,
    /// How many items have passed each arm of a `match` in the group that comes back.
    pub(crate) arms: Vec<u64>,
}

/// What became of items in one stage, where it is not simply `done`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct StageCounts {
    pub(crate) filtered: u64,
    /// Of those: done already, and somebody else's by now.
    pub(crate) already_done: u64,
    pub(crate) lost: u64,
    pub(crate) failed: u64,
    pub(crate) retries: u64,
    /// What a stage put out, or forgot, before its time, for it may keep no more.
    pub(crate) evicted: u64,
    /// Batches that went on for their bytes.
    pub(crate) by_bytes: u64,
    /// Outputs, where a stage has another number of them than of items done (`flat_map`, `batch`).
    pub(crate) emitted: Option<u64>,
}

impl StageCounts {
    fn add(&mut self, other: &Self) {
        self.filtered += other.filtered;
        self.already_done += other.already_done;
        self.lost += other.lost;
        self.failed += other.failed;
        self.retries += other.retries;
        self.evicted += other.evicted;
        self.by_bytes += other.by_bytes;
        if let Some(emitted) = other.emitted {
            *self.emitted.get_or_insert(0) += emitted;
        }
    }
}

impl Counts {
    pub(crate) fn of(stages: usize) -> Self {
        Self {
            stages: vec![StageCounts::default(); stages],
            ..Self::default()
        }
    }

    /// Adds those of another group of as many stages.
    pub(crate) fn add(&mut self, other: &Self) {
        self.handed += other.handed;
        self.resolved += other.resolved;
        self.emitted += other.emitted;
        for (sum, other) in self.stages.iter_mut().zip(&other.stages) {
            sum.add(other);
        }
    }

    /// With so many arms.
    pub(crate) fn with_arms(mut self, arms: usize) -> Self {
        self.arms = vec![0; arms];
        self
    }
}

/// What a worker has to add to the counts of its edge at its next submit.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) resolved: u64,
    pub(crate) stages: Vec<StageCounts>,
    pub(crate) arms: Vec<u64>,
}

impl Tally {
    pub(crate) fn of(stages: usize, arms: usize) -> Self {
        Self {
            resolved: 0,
            stages: vec![StageCounts::default(); stages],
            arms: vec![0; arms],
        }
    }

    /// An item is passed over in that row, for it is done already or somebody else's by now.
    #[cold]
    pub(crate) fn aside<K: Carry>(&mut self, row: usize, is_lost: bool, ticket: K) {
        let stage = &mut self.stages[row];
        stage.filtered += 1;
        if is_lost {
            stage.lost += 1;
            ticket.lost();
        } else {
            stage.already_done += 1;
            ticket.done();
        }
    }

    /// Adds what it holds to `counts`, and is empty.
    pub(crate) fn pour(&mut self, counts: &mut Counts) {
        counts.resolved += std::mem::take(&mut self.resolved);
        for (own, sum) in self.stages.iter_mut().zip(&mut counts.stages) {
            sum.add(&std::mem::take(own));
        }
        for (own, sum) in self.arms.iter_mut().zip(&mut counts.arms) {
            *sum += std::mem::take(own);
        }
    }
}
