//! What a run did, as a person reads it.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::find::{FindStageError, find};
use crate::measure::bottleneck::bottleneck;
use crate::measure::row::Row;
use crate::measure::table::Table;
use crate::measure::time::Shares;
use crate::name::Name;

/// What a run did: a row for the source, for every stage and for the sink.
///
/// `Display` writes it as a table. All counts and times are of the run so far, and none of them falls (but [`Time::cpu`](crate::Time::cpu),
/// which is estimated, may a little), so what was done in a part of the run is the difference of two reports:
/// [`since`](Self::since).
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// In the order in which they were wired: a row is behind those that lead to it.
    pub rows: Vec<Row>,
    /// From the start to the end, or to now.
    pub elapsed: Duration,
    /// The path of the row that the others waited for most: which was busy, or limited by its `rate`, for the largest part
    /// of its time. Not one that was so only because what it made had room to wait.
    pub bottleneck: Option<Name>,
    /// What the whole process had of processors meanwhile; `None` where the system does not tell.
    pub cpu: Option<Duration>,
    /// How many processors it may use at the same time.
    pub cores: usize,
    /// After an abort: the names of the threads in which a blocking call has not returned yet.
    pub threads: Vec<String>,
}

impl Report {
    /// The row of that path, or the only one whose path ends so: `lower` for `words/lower`.
    ///
    /// # Errors
    ///
    /// There is none, or there are several: the error lists their paths.
    pub fn stage(&self, path: &str) -> Result<&Row, FindStageError> {
        find(&self.rows, |row| &row.path, path)
    }

    /// What was done since an `earlier` report of the same run: of counts and times the difference, and the bottleneck of that
    /// time. What is told of a moment (`held`, `waiting`, `workers`) is that of this report, and a row that was not there yet is
    /// whole.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn f(handle: pipeline_runtime::Handle) {
    /// let mut before = handle.report();
    /// loop {
    ///     tokio::time::sleep(std::time::Duration::from_secs(10)).await;
    ///     let now = handle.report();
    ///     println!("{}", now.since(&before));
    ///     before = now;
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut rows = self.rows.clone();
        for row in &mut rows {
            // Rows stay in their order, but new ones come in between.
            if let Some(before) = earlier.rows.iter().find(|before| before.id == row.id) {
                row.reduce(before);
            }
        }
        let elapsed = self.elapsed.saturating_sub(earlier.elapsed);
        Self {
            bottleneck: bottleneck(&rows, elapsed),
            rows,
            elapsed,
            cpu: self
                .cpu
                .map(|cpu| cpu.saturating_sub(earlier.cpu.unwrap_or_default())),
            cores: self.cores,
            threads: self.threads.clone(),
        }
    }

    /// Whether every input item of every row is accounted for: `in = done + filtered + failed`.
    #[must_use]
    pub fn conserved(&self) -> bool {
        self.rows
            .iter()
            .all(|row| row.entered == row.done + row.filtered + row.failed)
    }
}

/// One of the shares.
type Part = fn(&Shares) -> f64;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let any = |part: Part| {
            let mut times = self.rows.iter().filter_map(|row| row.time);
            times.any(|time| part(&time.shares()) > 0.0)
        };
        let rarely: [(&str, Part); 2] = [
            ("limited", |shares| shares.limited),
            ("parked", |shares| shares.parked),
        ];
        let rarely = rarely.map(|(name, part)| any(part).then_some((name, part)));
        let mut head = vec![
            "stage", "in", "done", "filtered", "failed", "emitted", "retries", "busy", "starved",
            "blocked",
        ];
        head.extend(rarely.iter().flatten().map(|(name, _)| *name));
        let evicted = self.rows.iter().any(|row| row.evicted > 0);
        head.extend(evicted.then_some("evicted"));
        let by_bytes = self.rows.iter().any(|row| row.by_bytes > 0);
        head.extend(by_bytes.then_some("by bytes"));
        let skipped = self.rows.iter().any(|row| row.skipped > 0);
        head.extend(skipped.then_some("skipped"));
        let mut table = Table::new(head);
        for row in &self.rows {
            let share = |part: Part| {
                row.time.map_or_else(String::new, |time| {
                    format!("{:.0} %", 100.0 * part(&time.shares()))
                })
            };
            let mut cells = vec![
                row.path.to_string(),
                row.entered.to_string(),
                row.done.to_string(),
                row.filtered.to_string(),
                row.failed.to_string(),
                row.emitted.to_string(),
                row.retries.to_string(),
                share(|shares| shares.busy),
                share(|shares| shares.starved),
                share(|shares| shares.blocked),
            ];
            cells.extend(rarely.iter().flatten().map(|(_, part)| share(*part)));
            cells.extend(evicted.then(|| row.evicted.to_string()));
            cells.extend(by_bytes.then(|| row.by_bytes.to_string()));
            cells.extend(skipped.then(|| row.skipped.to_string()));
            table.row(cells);
        }
        write!(f, "{table}")?;
        write!(f, "{:.3?}", self.elapsed)?;
        if let Some(bottleneck) = &self.bottleneck {
            write!(f, ", bottleneck: {bottleneck}")?;
            let times = self.rows.iter().filter(|row| row.path == *bottleneck);
            let mut times = times.filter_map(|row| row.time);
            if times.any(|time| time.limited > time.busy) {
                write!(f, ", by its rate")?;
            }
        }
        let verdict = if self.conserved() {
            "in = done + filtered + failed in every row"
        } else {
            "items are still on their way"
        };
        writeln!(f, "; {verdict}")?;
        for thread in &self.threads {
            writeln!(f, "thread `{thread}` has not returned from a call")?;
        }
        Ok(())
    }
}
