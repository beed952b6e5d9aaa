//! What a service and its processes are doing, and what they have done.

mod board;
mod state;
mod totals;

use std::fmt;
use std::time::Duration;

use pipeline_runtime::{Name, Report};
use serde::Serialize;

pub(crate) use self::board::{Board, Ending};
pub use self::state::State;
pub use self::totals::Totals;
use crate::noted::Noted;

/// What a service is doing, all of it read at one instant but for the reports.
///
/// Its `Display` is a table of the processes.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// The name of the service.
    pub service: Name,
    /// How long ago it was started.
    pub uptime: Duration,
    /// Whether every process has had its first start, and the service is not stopping.
    pub ready: bool,
    /// Whether it is stopping, or has stopped.
    pub stopping: bool,
    /// The processes, in the order in which they were declared.
    pub processes: Vec<ProcessStatus>,
}

/// What a process is doing, and what it has done.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ProcessStatus {
    /// Its name.
    pub name: Name,
    /// What it is doing.
    pub state: State,
    /// For how long.
    pub since: Duration,
    /// How often its factory was called.
    pub runs: u64,
    /// How often it was made again after a run had ended, or because somebody asked for it.
    pub restarts: u64,
    /// How many ticks of its schedule were passed over, because a run was under way.
    pub skipped: u64,
    /// How many of its failures were [noted](Noted).
    pub failures: u64,
    /// The one that was noted last.
    pub last_failure: Option<Noted>,
    /// What its stages have done in all runs.
    pub totals: Vec<Totals>,
    /// The report of the run that is under way, or of the last one.
    pub report: Option<Report>,
}

impl Status {
    /// That of a process.
    #[must_use]
    pub fn process(&self, name: &str) -> Option<&ProcessStatus> {
        self.processes.iter().find(|process| process.name == *name)
    }

    /// The state of a process; `None` where there is none of that name.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn f(status: pipeline_service::Status) {
    /// use pipeline_service::State;
    ///
    /// assert_eq!(status.state("users"), Some(&State::Running));
    /// # }
    /// ```
    #[must_use]
    pub fn state(&self, name: &str) -> Option<&State> {
        self.process(name).map(|process| &process.state)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let have_ended = self
            .processes
            .iter()
            .all(|process| process.state.has_ended());
        let doing = match (self.stopping, self.ready) {
            (true, _) if have_ended => "stopped",
            (true, _) => "stopping",
            (false, true) => "ready",
            (false, false) => "starting",
        };
        writeln!(
            f,
            "{}: {doing}, up {} s",
            self.service,
            self.uptime.as_secs()
        )?;
        let names = self.processes.iter().map(|process| process.name.len());
        let width = names.max().unwrap_or(0).max("process".len());
        writeln!(f, "{:width$}  runs  restarts  failures  state", "process")?;
        for process in &self.processes {
            let ProcessStatus {
                name,
                state,
                runs,
                restarts,
                failures,
                ..
            } = process;
            writeln!(
                f,
                "{:width$}  {runs:>4}  {restarts:>8}  {failures:>8}  {state}",
                &**name
            )?;
        }
        Ok(())
    }
}
