//! Who holds the others up, and what would help.

use std::fmt;
use std::num::NonZeroUsize;

use serde::Serialize;

use crate::measure::report::{Report, Row, Time};
use crate::name::Name;
use crate::runs::Runs;

/// A stage that is occupied for so much of its time holds the others up.
const HOLDS_UP: f64 = 0.8;

/// How much of its time a stage may be occupied with before it is taken to hold up the others.
const FULL: f64 = 0.95;

/// How busy workers should be: a little idle, so that none waits for its turn.
const COMFORTABLE: f64 = 0.9;

/// At most so many times as fast: beyond that what is measured says nothing.
const MOST: f64 = 4.0;

/// What brings less is not worth a change.
const WORTH: f64 = 1.05;

/// Who holds the others up, and what would help: [`Report::advice`]. `Display` says it in a sentence.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Advice {
    /// The path of the row that the others wait for most.
    pub stage: Name,
    /// How much of its time it is occupied, from 0 to 1: busy, or kept by its `rate`.
    pub occupied: f64,
    /// What would help.
    pub remedy: Remedy,
}

/// What would help where a row holds up the others.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub enum Remedy {
    /// More workers.
    Workers {
        /// At each of these stages: that which holds up the others most, and those that are as occupied.
        more: Vec<MoreWorkers>,
        /// Then the pipeline is so many times as fast, if calls take as long as now: 1.5 is half as fast again.
        gain: f64,
        /// The path of the row that holds up the others then, if that can be told.
        then: Option<Name>,
    },
    /// More workers would bring less than 5 %: this row is as occupied, and can have no more. The path is that of the
    /// stage itself where there is no core left for what it computes.
    Elsewhere(Name),
    /// Its `rate` keeps it, and more workers bring nothing.
    Rate,
    /// It is the input: it brings no more, or one worker cannot read faster. Several inputs are read at the same time with
    /// `source::merge`.
    Input,
    /// It runs where the pipeline is polled: a stage with workers of its own, `4 map(f)` or `:block 4 map(f)`, leaves that
    /// free.
    Inline,
}

/// So many workers, for a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MoreWorkers {
    /// The path of the stage.
    pub stage: Name,
    /// In what it runs.
    pub runs: Runs,
    /// How many there are now.
    pub from: usize,
    /// How many it needs.
    pub to: usize,
}

impl Report {
    /// Which stages hold up all others, how many workers they need, and what that would bring. `None` where none is busy for
    /// most of its time: then items come no faster, or there is nothing to measure yet.
    ///
    /// It is computed of the shares of time above. So it is as good as the run was typical, and it takes calls to last as long
    /// with more of them at the same time: a service that is as fast as it can be, a lock, or a disk may not give what is
    /// predicted. Look again after the change.
    #[must_use]
    pub fn advice(&self) -> Option<Advice> {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Advice::on(self, cores)
    }
}

impl Advice {
    fn on(report: &Report, cores: usize) -> Option<Self> {
        let groups: Vec<(&Row, &Time)> = report
            .rows
            .iter()
            .filter_map(|row| Some((row, row.time.as_ref()?)))
            .collect();
        let occupied = |(_, time): &(&Row, &Time)| time.occupied();
        let first = groups
            .iter()
            .max_by(|a, b| occupied(a).total_cmp(&occupied(b)))
            .filter(|first| occupied(first) >= HOLDS_UP)?;
        let remedy = match first.1.runs {
            _ if first.1.limited > first.1.busy => Remedy::Rate,
            Runs::Source | Runs::OpenEnded => Remedy::Input,
            Runs::Inline => Remedy::Inline,
            _ => workers(&groups, cores),
        };
        Some(Self {
            stage: first.0.path.clone(),
            occupied: occupied(first),
            remedy,
        })
    }
}

/// Whether it can have more workers, and they bring something.
fn grows(time: &Time) -> bool {
    let fixed = matches!(time.runs, Runs::Source | Runs::OpenEnded | Runs::Inline);
    !fixed && time.limited <= time.busy
}

/// All that hold the others up get as many as they need at the speed at which the next one does.
fn workers(groups: &[(&Row, &Time)], cores: usize) -> Remedy {
    let (hold, others): (Vec<_>, Vec<_>) = groups
        .iter()
        .partition(|(_, time)| time.occupied() >= HOLDS_UP && grows(time));
    let mut limit = (MOST, None);
    for (row, time) in others {
        let most = FULL / time.occupied().max(f64::MIN_POSITIVE);
        if most < limit.0 {
            limit = (most, Some(row.path.clone()));
        }
    }
    // What is in tasks computes, or it would be `:async` or `:block`. Of threads that cannot be told.
    let computing = groups.iter().filter(|(_, time)| time.runs == Runs::Tasks);
    let cores_used: f64 = computing
        .map(|(_, time)| time.busy * time.workers as f64)
        .sum();
    if let Some((row, _)) = hold.iter().find(|(_, time)| time.runs == Runs::Tasks) {
        let most = cores as f64 / cores_used.max(f64::MIN_POSITIVE);
        if most < limit.0 {
            limit = (most, Some(row.path.clone()));
        }
    }
    let (gain, then) = limit;
    if gain < WORTH
        && let Some(then) = then
    {
        return Remedy::Elsewhere(then);
    }
    let more = hold.iter().map(|(row, time)| MoreWorkers {
        stage: row.path.clone(),
        runs: time.runs,
        from: time.workers,
        to: needed(time, gain),
    });
    Remedy::Workers {
        more: more.collect(),
        gain,
        then,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a positive number, of which a cast makes the greatest where it is too large"
)]
fn needed(time: &Time, gain: f64) -> usize {
    let busy = time.workers as f64 * time.busy;
    ((busy * gain / COMFORTABLE).ceil() as usize).max(time.workers + 1)
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (stage, share) = (&self.stage, 100.0 * self.occupied);
        match &self.remedy {
            Remedy::Workers { more, gain, then } => {
                write!(
                    f,
                    "`{stage}` holds the others up, {share:.0} % of its time. With "
                )?;
                for (
                    number,
                    MoreWorkers {
                        stage, from, to, ..
                    },
                ) in more.iter().enumerate()
                {
                    let and = if number == 0 { "" } else { " and " };
                    write!(f, "{and}{to} workers instead of {from} at `{stage}`")?;
                }
                write!(f, " the pipeline is about {gain:.1} times as fast")?;
                match then {
                    Some(then) if more.iter().any(|more| more.stage == *then) => {
                        write!(f, "; more have no cores to compute on")
                    }
                    Some(then) => write!(f, "; then `{then}` holds the others up"),
                    None => write!(f, ", if calls take as long as now"),
                }
            }
            Remedy::Elsewhere(same) if same == stage => write!(
                f,
                "`{stage}` holds the others up, {share:.0} % of its time, and more workers have no cores to compute on"
            ),
            Remedy::Elsewhere(other) => write!(
                f,
                "`{stage}` holds the others up, {share:.0} % of its time, but `{other}` is as busy, and more workers bring nothing there"
            ),
            Remedy::Rate => write!(
                f,
                "the rate of `{stage}` holds the others up, {share:.0} % of its time"
            ),
            Remedy::Input => write!(
                f,
                "the others wait for the input `{stage}`, {share:.0} % of the time"
            ),
            Remedy::Inline => write!(
                f,
                "`{stage}` and its neighbours, which run where the pipeline is polled, hold the others up, {share:.0} % of the time"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn row(path: &'static str, runs: Runs, workers: usize, busy: f64) -> Row {
        Row {
            path: path.into(),
            time: Some(Time {
                runs,
                workers,
                busy,
                starved: 1.0 - busy,
                blocked: 0.0,
                limited: 0.0,
                parked: 0.0,
            }),
            ..Row::default()
        }
    }

    fn on(rows: impl Into<Vec<Row>>, cores: usize) -> Option<Advice> {
        let report = Report {
            rows: rows.into(),
            elapsed: Duration::from_secs(1),
            ..Report::default()
        };
        Advice::on(&report, cores)
    }

    fn more(advice: &Advice) -> (Vec<(&str, usize)>, f64, Option<&str>) {
        let Remedy::Workers { more, gain, then } = &advice.remedy else {
            panic!("{advice}");
        };
        let more = more.iter().map(|more| (&*more.stage, more.to));
        (
            more.collect(),
            (gain * 100.0).round() / 100.0,
            then.as_deref(),
        )
    }

    #[test]
    fn the_busiest_gets_what_it_needs_until_the_next_one_holds_up() {
        let rows = [
            row("source", Runs::Source, 1, 0.05),
            row("load", Runs::Futures, 4, 0.99),
            row("parse", Runs::Threads, 2, 0.475),
            row("sink", Runs::Sink, 1, 0.2),
        ];
        let advice = on(rows, 2).unwrap();
        assert_eq!(more(&advice), (vec![("load", 9)], 2.0, Some("parse")));
        assert_eq!(
            advice.to_string(),
            "`load` holds the others up, 99 % of its time. With 9 workers instead of 4 at `load` the pipeline is about 2.0 \
             times as fast; then `parse` holds the others up"
        );
    }

    #[test]
    fn stages_that_are_as_busy_grow_together_and_no_further_than_can_be_told() {
        let rows = [
            row("load", Runs::Futures, 4, 0.9),
            row("store", Runs::Sink, 2, 0.95),
            row("source", Runs::Source, 1, 0.01),
        ];
        let advice = on(rows, 2).unwrap();
        assert_eq!(&*advice.stage, "store");
        assert_eq!(more(&advice), (vec![("load", 16), ("store", 9)], 4.0, None));
    }

    #[test]
    fn what_computes_gets_no_more_than_there_are_cores() {
        let rows = |busy| {
            [
                row("hash", Runs::Tasks, 2, 1.0),
                row("sort", Runs::Tasks, 2, busy),
            ]
        };
        let advice = on(rows(0.5), 6).unwrap();
        assert_eq!(more(&advice), (vec![("hash", 5)], 1.9, Some("sort")));
        let advice = on(rows(0.25), 4).unwrap();
        assert_eq!(more(&advice), (vec![("hash", 4)], 1.6, Some("hash")));
        assert!(
            advice
                .to_string()
                .ends_with("more have no cores to compute on"),
            "{advice}"
        );
        let advice = on(rows(0.25), 2).unwrap();
        assert_eq!(advice.remedy, Remedy::Elsewhere("hash".into()));
    }

    #[test]
    fn where_workers_would_not_help_that_is_said() {
        let advice = on([row("files", Runs::Source, 1, 0.97)], 2).unwrap();
        assert_eq!(advice.remedy, Remedy::Input);
        let advice = on([row("map", Runs::Inline, 1, 0.97)], 2).unwrap();
        assert_eq!(advice.remedy, Remedy::Inline);
        let mut limited = row("call", Runs::Futures, 8, 0.1);
        limited.time.as_mut().unwrap().limited = 0.85;
        assert_eq!(on([limited.clone()], 2).unwrap().remedy, Remedy::Rate);
        // Another one has no more to give.
        let both = [
            row("parse", Runs::Threads, 2, 0.99),
            row("files", Runs::Source, 1, 0.96),
        ];
        assert_eq!(
            on(both, 2).unwrap().remedy,
            Remedy::Elsewhere("files".into())
        );
        let kept = [row("parse", Runs::Threads, 2, 0.99), limited];
        assert_eq!(
            on(kept, 2).unwrap().remedy,
            Remedy::Elsewhere("call".into())
        );
    }

    #[test]
    fn where_nobody_is_busy_there_is_nothing_to_say() {
        assert_eq!(on([row("map", Runs::Threads, 2, 0.5)], 2), None);
        assert_eq!(on([], 2), None);
    }
}
