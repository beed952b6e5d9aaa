//! A row of a report.

use serde::Serialize;

use crate::measure::time::Time;
use crate::name::Name;
use crate::site::StageId;

/// What one stage, or one end, did.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct Row {
    /// The stage's name; the source's; the sink's.
    pub name: Name,
    /// The same behind the names of what it is inside of, as `words/lower`. No other row has it.
    pub path: Name,
    /// Which row it is.
    pub id: StageId,
    /// From where items come to it. Nothing leads to a source, except to one that is a pipeline.
    pub inputs: Vec<Arrow>,
    /// Input items: all that came along `inputs`. Those of a source are what it read.
    pub entered: u64,
    /// Of them, processed.
    pub done: u64,
    /// Of them, dropped on purpose.
    pub filtered: u64,
    /// Of the filtered: those whose task was found to be done already.
    pub already_done: u64,
    /// Of the filtered: those whose delivery was found to be somebody else's by now.
    pub lost: u64,
    /// Of them, failed for good.
    pub failed: u64,
    /// Output items.
    pub emitted: u64,
    /// Calls that were made again.
    pub retries: u64,
    /// Of a stage that keeps something: what it put out, or forgot, before its time, because it may keep no more.
    pub evicted: u64,
    /// Of a `batch` with `bytes`: how many batches went on because of those, and not for their number of items, their age, or the
    /// end.
    pub by_bytes: u64,
    /// Of a stage in a side line with `lossy`: the items that were meant to come to it and are not in `entered`, since there was
    /// no room for them, or because it had not done with them when the side line was cut off.
    pub skipped: u64,
    /// How many items it is working on, or keeps until they can be emitted in order.
    pub held: u64,
    /// Of stages that share workers only in the row of that which they are named after.
    pub time: Option<Time>,
}

/// What leads to a row from another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Arrow {
    /// The row that they come from.
    pub from: StageId,
    /// How many items came along it.
    pub handed: u64,
}

impl Row {
    /// Leaves what has come since an earlier one.
    pub(crate) fn reduce(&mut self, earlier: &Self) {
        let counts = [
            (&mut self.entered, earlier.entered),
            (&mut self.done, earlier.done),
            (&mut self.filtered, earlier.filtered),
            (&mut self.already_done, earlier.already_done),
            (&mut self.lost, earlier.lost),
            (&mut self.failed, earlier.failed),
            (&mut self.emitted, earlier.emitted),
            (&mut self.retries, earlier.retries),
            (&mut self.evicted, earlier.evicted),
            (&mut self.by_bytes, earlier.by_bytes),
            (&mut self.skipped, earlier.skipped),
        ];
        for (count, earlier) in counts {
            *count = count.saturating_sub(earlier);
        }
        for arrow in &mut self.inputs {
            let before = earlier
                .inputs
                .iter()
                .find(|before| before.from == arrow.from);
            let handed = before.map_or(0, |before| before.handed);
            arrow.handed = arrow.handed.saturating_sub(handed);
        }
        if let (Some(time), Some(earlier)) = (&mut self.time, &earlier.time) {
            *time = time.since(earlier);
        }
    }

    /// Input items that are neither done nor filtered nor failed.
    #[must_use]
    pub fn unresolved(&self) -> u64 {
        self.entered
            .saturating_sub(self.done + self.filtered + self.failed)
    }
}
