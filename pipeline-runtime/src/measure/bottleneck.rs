//! Who holds the others up.

use std::time::Duration;

use crate::measure::row::Row;
use crate::measure::time::Time;
use crate::name::Name;

/// A stage that is occupied for so much of its time holds the others up.
pub(crate) const HOLDS_UP: f64 = 0.8;

/// What a stage makes in so much time is hardly anything to wait behind it.
const HARDLY: Duration = Duration::from_millis(20);

/// The path of the row that the others wait for most, if any works.
pub(crate) fn bottleneck(rows: &[Row], elapsed: Duration) -> Option<Name> {
    let timed = || {
        let rows = rows.iter();
        let timed = rows.filter_map(|row| Some((row, row.time.as_ref()?)));
        timed.filter(|(_, time)| !time.is_beside)
    };
    // Before a buffer that is not full yet the fastest stage is as busy as the slowest.
    let alone =
        timed().filter(|(row, time)| occupied(time) >= HOLDS_UP && !piles(row, time, elapsed));
    let first = busiest(alone).or_else(|| busiest(timed()));
    first.map(|(row, _)| row.path.clone())
}

pub(crate) fn occupied(time: &Time) -> f64 {
    time.shares().occupied()
}

/// The first of those that are as occupied as any.
fn busiest<'a>(rows: impl Iterator<Item = (&'a Row, &'a Time)>) -> Option<(&'a Row, &'a Time)> {
    rows.reduce(|most, row| {
        if occupied(row.1) > occupied(most.1) {
            row
        } else {
            most
        }
    })
}

/// Whether more waits behind it than hardly anything.
pub(crate) fn piles(row: &Row, time: &Time, elapsed: Duration) -> bool {
    let hardly =
        row.emitted as f64 * HARDLY.as_secs_f64() / elapsed.as_secs_f64().max(f64::MIN_POSITIVE);
    time.waiting as f64 > hardly.max(1.0)
}
