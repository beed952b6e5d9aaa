//! Who holds the others up, and what would help.

use std::fmt;

use serde::Serialize;

use crate::measure::bottleneck::{HOLDS_UP, occupied, piles};
use crate::measure::report::Report;
use crate::measure::row::Row;
use crate::measure::time::Time;
use crate::name::Name;
use crate::runs::Runs;

/// How much of its time a stage may be occupied with before it is taken to hold up the others.
const FULL: f64 = 0.95;

/// How much of the processors can be had.
const ALL: f64 = 0.97;

/// How busy workers should be: a little idle, so that none waits for its turn.
const COMFORTABLE: f64 = 0.9;

/// What has a processor for so much of its work computes, and does not wait.
const COMPUTES: f64 = 0.7;

/// At most so many times as fast: beyond that what is measured says nothing.
const MOST: f64 = 4.0;

/// What brings less is not worth a change.
const WORTH: f64 = 1.05;

/// Who holds the others up, and what would help: [`Report::advice`]. `Display` says it in a sentence.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Advice {
    /// The path of the row that the others wait for most: [`Report::bottleneck`].
    pub stage: Name,
    /// For how much of its time it is occupied, from 0 to 1: busy, or kept by its `rate`.
    pub occupied: f64,
    /// What would help.
    pub remedy: Remedy,
}

/// What would help where a row holds up the others.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub enum Remedy {
    /// Higher counts.
    Raise {
        /// At that which holds up the others, and at those that are as occupied.
        counts: Vec<Raise>,
        /// Then the pipeline is so many times as fast, if calls take as long as now: 1.5 is half as fast again. At most 4.
        gain: f64,
        /// What ends it there; `None` where the calls themselves have to show it.
        then: Option<Limit>,
    },
    /// Nothing that counts could do: all processors are in use.
    NoProcessor,
    /// Higher counts would bring less than 5 %: this row is as occupied, and its count cannot be raised.
    AsOccupied(Name),
    /// A higher rate: counts would bring nothing.
    HigherRate,
    /// An input that brings more. Several are read at the same time with `source::merge`.
    FasterInput,
    /// Workers of its own, as in `4 map(f)`: it computes where the pipeline is polled, or in the futures of `:async`.
    OwnWorkers,
    /// Less to do: it works on one item after the other, and can have no second worker.
    LessWork,
}

/// What ends the gain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub enum Limit {
    /// Then the row of that path holds the others up.
    Stage(Name),
    /// Then all processors are in use.
    Processors,
}

/// A count that is to be raised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Raise {
    /// The path of the stage.
    pub stage: Name,
    /// What it is now.
    pub from: usize,
    /// What it is to be.
    pub to: usize,
}

impl Report {
    /// Who holds the others up, which counts to raise, and what that would bring. `None` where nothing is occupied for most of
    /// its time: then items come no faster, or there is nothing to measure yet.
    ///
    /// It is computed of the times in this report; of a run that goes on [`since`](Self::since) says what was lately. It takes
    /// calls to last as long when more are made at the same time: a service that is as fast as it can be, a lock, or a disk may
    /// not give what is predicted. So look again after the change. A sink may be such a one, and where there is a choice the
    /// source and the sink are changed last.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn f(handle: pipeline_runtime::Handle) {
    /// let before = handle.report();
    /// tokio::time::sleep(std::time::Duration::from_secs(10)).await;
    /// if let Some(advice) = handle.report().since(&before).advice() {
    ///     println!("{advice}");
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn advice(&self) -> Option<Advice> {
        let path = self.bottleneck.as_ref()?;
        let row = self.rows.iter().find(|row| row.path == *path)?;
        let time = row.time.as_ref()?;
        let occupied = occupied(time);
        (occupied >= HOLDS_UP).then(|| Advice {
            stage: row.path.clone(),
            occupied,
            remedy: self.remedy(time),
        })
    }

    fn remedy(&self, first: &Time) -> Remedy {
        match first.runs {
            _ if first.limited > first.busy => Remedy::HigherRate,
            Runs::Source | Runs::OpenEnded => Remedy::FasterInput,
            Runs::Inline => Remedy::OwnWorkers,
            Runs::Futures if computes(first) => Remedy::OwnWorkers,
            _ if !grows(first) => Remedy::LessWork,
            _ => self.raise(),
        }
    }

    /// All that hold the others up get as many as they need at the speed at which the next one does.
    fn raise(&self) -> Remedy {
        let rows = self.rows.iter();
        let timed = rows.filter_map(|row| Some((row, row.time.as_ref()?)));
        // What only fills a buffer is as fast as it may be.
        let timed = timed.filter(|(row, time)| !time.is_beside && !piles(row, time, self.elapsed));
        let (hold, others): (Vec<_>, Vec<_>) =
            timed.partition(|(_, time)| occupied(time) >= HOLDS_UP && grows(time));
        let (mut gain, mut then) = (MOST, None);
        for (row, time) in others {
            let most = FULL / occupied(time).max(f64::MIN_POSITIVE);
            if most < gain {
                (gain, then) = (most, Some(Limit::Stage(row.path.clone())));
            }
        }
        // What the other stages compute, and what is around the pipeline, grows with it.
        let used = self.cpu.unwrap_or_default().as_secs_f64();
        let most =
            ALL * self.cores as f64 * self.elapsed.as_secs_f64() / used.max(f64::MIN_POSITIVE);
        if most < gain {
            (gain, then) = (most, Some(Limit::Processors));
        }
        match then {
            Some(Limit::Stage(other)) if gain < WORTH => Remedy::AsOccupied(other),
            Some(Limit::Processors) if gain < WORTH => Remedy::NoProcessor,
            then => {
                let counts = hold.iter().map(|(row, time)| self.needs(row, time, gain));
                let counts = counts.collect();
                Remedy::Raise { counts, gain, then }
            }
        }
    }

    fn needs(&self, row: &Row, time: &Time, gain: f64) -> Raise {
        let busy = time.workers as f64 * time.shares().busy;
        let needed = ceil(busy * gain / COMFORTABLE);
        let most = if computes(time) {
            self.cores.max(time.workers + 1)
        } else {
            usize::MAX
        };
        Raise {
            stage: row.path.clone(),
            from: time.workers,
            to: needed.clamp(time.workers + 1, most),
        }
    }
}

/// Whether its count can be raised, and that brings something.
fn grows(time: &Time) -> bool {
    time.grows && time.limited <= time.busy && !(time.runs == Runs::Futures && computes(time))
}

/// Whether it computes for most of the time in which it works.
fn computes(time: &Time) -> bool {
    let busy = time.busy.as_secs_f64();
    // Futures share the tasks that poll them: these have no more time than each of them.
    let (computing, work) = match time.runs {
        Runs::Futures => (time.drives, busy / time.workers as f64),
        _ => (time.cpu.unwrap_or_default(), busy),
    };
    computing.as_secs_f64() > COMPUTES * work
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a positive number, of which a cast makes the greatest where it is too large"
)]
fn ceil(count: f64) -> usize {
    count.ceil() as usize
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = &self.stage;
        let share = format!("{:.0} % of the time", 100.0 * self.occupied);
        match &self.remedy {
            Remedy::Raise { counts, gain, then } => {
                write!(
                    f,
                    "`{stage}` holds the others up, {share}. With a count of "
                )?;
                for (place, Raise { stage, from, to }) in counts.iter().enumerate() {
                    let and = if place == 0 { "" } else { " and of " };
                    write!(f, "{and}{to} instead of {from} at `{stage}`")?;
                }
                write!(f, " the pipeline is about {gain:.1} times as fast")?;
                match then {
                    Some(Limit::Stage(then)) => write!(f, "; then `{then}` holds the others up"),
                    Some(Limit::Processors) => f.write_str("; then all processors are in use"),
                    None => f.write_str(", if calls take as long as now"),
                }
            }
            Remedy::NoProcessor => write!(
                f,
                "all processors are in use; of the stages `{stage}` holds the others up, {share}"
            ),
            Remedy::AsOccupied(other) => write!(
                f,
                "`{stage}` holds the others up, {share}, but `{other}` is as occupied, and its count cannot be raised"
            ),
            Remedy::HigherRate => write!(f, "the rate of `{stage}` holds the others up, {share}"),
            Remedy::FasterInput => write!(f, "the others wait for the input `{stage}`, {share}"),
            Remedy::OwnWorkers => write!(
                f,
                "`{stage}` holds the others up, {share}: it computes where others are polled, and needs workers of its own"
            ),
            Remedy::LessWork => write!(
                f,
                "`{stage}` holds the others up, {share}, and can have no second worker"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::measure::bottleneck::bottleneck;

    const SECOND: Duration = Duration::from_secs(1);

    fn row(path: &'static str, runs: Runs, workers: usize, busy: f64) -> Row {
        let available = SECOND * u32::try_from(workers).unwrap();
        Row {
            path: path.into(),
            time: Some(Time {
                runs,
                workers,
                available,
                busy: available.mul_f64(busy),
                starved: available.mul_f64(1.0 - busy),
                blocked: Duration::ZERO,
                limited: Duration::ZERO,
                parked: Duration::ZERO,
                drives: Duration::ZERO,
                cpu: None,
                waiting: 0,
                grows: !matches!(runs, Runs::Source | Runs::Inline),
                is_beside: false,
            }),
            ..Row::default()
        }
    }

    fn with(mut row: Row, change: impl FnOnce(&mut Time)) -> Row {
        change(row.time.as_mut().unwrap());
        row
    }

    /// All of what it does is computing.
    fn computing(path: &'static str, workers: usize, busy: f64) -> Row {
        with(row(path, Runs::Threads, workers, busy), |time| {
            time.cpu = Some(time.busy);
        })
    }

    fn on(rows: impl Into<Vec<Row>>, cores: usize) -> Option<Advice> {
        let rows = rows.into();
        let cpu = rows.iter().filter_map(|row| row.time?.cpu).sum();
        let report = Report {
            bottleneck: bottleneck(&rows, SECOND),
            rows,
            elapsed: SECOND,
            cpu: Some(cpu),
            cores,
            ..Report::default()
        };
        report.advice()
    }

    fn remedy(rows: impl Into<Vec<Row>>, cores: usize) -> Remedy {
        on(rows, cores).unwrap().remedy
    }

    type Raised<'a> = (Vec<(&'a str, usize)>, f64, Option<&'a Limit>);

    fn raised(remedy: &Remedy) -> Raised<'_> {
        let Remedy::Raise { counts, gain, then } = remedy else {
            panic!("{remedy:?}");
        };
        let counts = counts.iter().map(|raise| (&*raise.stage, raise.to));
        let gain = (gain * 100.0).round() / 100.0;
        (counts.collect(), gain, then.as_ref())
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
        let parse = Limit::Stage("parse".into());
        assert_eq!(
            raised(&advice.remedy),
            (vec![("load", 9)], 2.0, Some(&parse))
        );
        assert_eq!(
            advice.to_string(),
            "`load` holds the others up, 99 % of the time. With a count of 9 instead of 4 at `load` the pipeline is about 2.0 \
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
        let both = vec![("load", 16), ("store", 9)];
        assert_eq!(raised(&advice.remedy), (both, 4.0, None));
    }

    #[test]
    fn what_computes_gets_no_more_than_there_are_processors() {
        let rows = |busy| [computing("hash", 2, 1.0), computing("sort", 2, busy)];
        let sort = Limit::Stage("sort".into());
        assert_eq!(
            raised(&remedy(rows(0.5), 6)),
            (vec![("hash", 5)], 1.9, Some(&sort))
        );
        let processors = Some(&Limit::Processors);
        let few = remedy(rows(0.25), 4);
        assert_eq!(raised(&few), (vec![("hash", 4)], 1.55, processors));
        assert_eq!(remedy(rows(0.25), 2), Remedy::NoProcessor);
        // Whoever in the process has them.
        let waits = [
            row("load", Runs::Threads, 8, 1.0),
            computing("sort", 2, 0.6),
        ];
        let both = vec![("load", 15)];
        assert_eq!(raised(&remedy(waits, 2)), (both, 1.58, Some(&sort)));
    }

    #[test]
    fn threads_that_wait_get_more_than_there_are_processors() {
        let waits = with(row("load", Runs::Threads, 8, 1.0), |time| {
            time.cpu = Some(time.busy / 100);
        });
        assert_eq!(raised(&remedy([waits], 2)), (vec![("load", 36)], 4.0, None));
    }

    #[test]
    fn where_higher_counts_would_not_help_that_is_said() {
        let files = || row("files", Runs::Source, 1, 0.97);
        assert_eq!(remedy([files()], 2), Remedy::FasterInput);
        let inline = row("map", Runs::Inline, 1, 0.97);
        assert_eq!(remedy([inline], 2), Remedy::OwnWorkers);
        // One task polls all of them, and that has no more time.
        let futures = with(row("hash", Runs::Futures, 8, 1.0), |time| {
            time.drives = SECOND;
        });
        assert_eq!(remedy([futures], 2), Remedy::OwnWorkers);
        let alone = with(row("batch", Runs::Tasks, 1, 1.0), |time| time.grows = false);
        assert_eq!(remedy([alone], 2), Remedy::LessWork);
        let limited = || {
            with(row("call", Runs::Futures, 8, 0.1), |time| {
                time.limited = time.available.mul_f64(0.85);
            })
        };
        assert_eq!(remedy([limited()], 2), Remedy::HigherRate);
        // Another one has no more to give.
        let parse = || row("parse", Runs::Threads, 2, 0.99);
        let same = |path: &'static str| Remedy::AsOccupied(path.into());
        assert_eq!(remedy([parse(), files()], 2), same("files"));
        assert_eq!(remedy([parse(), limited()], 2), same("call"));
    }

    #[test]
    fn what_only_fills_a_buffer_holds_nobody_up() {
        let ahead = with(row("ahead", Runs::Threads, 1, 1.0), |time| {
            time.waiting = 1_000;
        });
        let slow = row("slow", Runs::Threads, 1, 0.98);
        let advice = on([ahead, slow], 2).unwrap();
        assert_eq!(&*advice.stage, "slow");
        assert_eq!(raised(&advice.remedy), (vec![("slow", 5)], 4.0, None));
    }

    #[test]
    fn what_nobody_waits_for_holds_nobody_up() {
        let beside = with(row("copy", Runs::Threads, 1, 1.0), |time| {
            time.is_beside = true;
        });
        assert_eq!(on([beside.clone()], 2), None);
        let rows = [beside, row("load", Runs::Threads, 1, 0.9)];
        assert_eq!(raised(&remedy(rows, 2)), (vec![("load", 4)], 4.0, None));
    }

    #[test]
    fn where_nobody_is_busy_there_is_nothing_to_say() {
        assert_eq!(on([row("map", Runs::Threads, 2, 0.5)], 2), None);
        assert_eq!(on([], 2), None);
    }
}
