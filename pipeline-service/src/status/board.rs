//! Where supervisors write what their processes do.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pipeline_runtime::{Handle, Name, Report};
use tokio::sync::watch;
use tokio::time::Instant;

use super::totals::{self, Totals};
use super::{ProcessStatus, State, Status};
use crate::noted::Noted;

/// What all processes of a service do.
pub(crate) struct Board {
    service: Name,
    started: Instant,
    entries: Mutex<Vec<Entry>>,
    /// Grows with every change.
    version: watch::Sender<u64>,
}

/// How a process has ended, as far as its service can go on without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Ending {
    /// It has not.
    #[default]
    Not,
    /// By itself: where all have, the service has.
    Itself,
    /// Because somebody told it to, who may start it again.
    Told,
}

struct Entry {
    name: Name,
    state: State,
    since: Instant,
    runs: u64,
    restarts: u64,
    skipped: u64,
    failures: u64,
    last_failure: Option<Noted>,
    past: Vec<Totals>,
    live: Option<Handle>,
    last: Option<Report>,
    ending: Ending,
}

impl Board {
    pub(crate) fn new(service: Name, processes: &[Name]) -> Self {
        let entries = processes.iter().map(|name| Entry {
            name: name.clone(),
            state: State::Idle { next: None },
            since: Instant::now(),
            runs: 0,
            restarts: 0,
            skipped: 0,
            failures: 0,
            last_failure: None,
            past: Vec::new(),
            live: None,
            last: None,
            ending: Ending::Not,
        });
        Self {
            service,
            started: Instant::now(),
            entries: Mutex::new(entries.collect()),
            version: watch::Sender::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, place: usize, change: impl FnOnce(&mut Entry)) {
        change(&mut self.lock()[place]);
        self.changed();
    }

    /// Something is different that the board does not keep itself.
    pub(crate) fn changed(&self) {
        self.version.send_modify(|version| *version += 1);
    }

    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    pub(crate) fn set(&self, place: usize, state: State) {
        self.ends(place, state, Ending::Not);
    }

    /// It does nothing more, for that reason.
    pub(crate) fn ends(&self, place: usize, state: State, ending: Ending) {
        self.change(place, |entry| {
            if entry.state != state {
                entry.since = Instant::now();
            }
            entry.state = state;
            entry.ending = ending;
        });
    }

    /// Its factory is called.
    pub(crate) fn begins(&self, place: usize) {
        self.change(place, |entry| {
            entry.state = State::Starting;
            entry.since = Instant::now();
            entry.ending = Ending::Not;
            entry.restarts += u64::from(entry.runs > 0);
            entry.runs += 1;
        });
    }

    pub(crate) fn runs(&self, place: usize, state: State, live: Option<Handle>) {
        self.change(place, |entry| {
            entry.state = state;
            entry.since = Instant::now();
            entry.live = live;
        });
    }

    /// A run has ended.
    pub(crate) fn ran(&self, place: usize, report: Option<Report>) {
        self.change(place, |entry| {
            entry.live = None;
            if let Some(report) = report {
                totals::add(&mut entry.past, &report);
                entry.last = Some(report);
            }
        });
    }

    /// So many ticks were passed over.
    pub(crate) fn skipped(&self, place: usize, ticks: u64) {
        if ticks > 0 {
            self.change(place, |entry| entry.skipped += ticks);
        }
    }

    /// The run that is under way.
    pub(crate) fn live(&self, place: usize) -> Option<Handle> {
        self.lock()[place].live.clone()
    }

    pub(crate) fn noted(&self, place: usize, noted: Noted) {
        self.change(place, |entry| {
            entry.failures += 1;
            entry.last_failure = Some(noted);
        });
    }

    /// Waits until none of these processes is about to be there.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub(crate) async fn until_none_comes(&self, places: &[usize]) {
        let mut changes = self.changes();
        let comes = |board: &Self| {
            let entries = board.lock();
            let comes = |place: &usize| {
                let state = &entries[*place].state;
                matches!(state, State::Waiting { .. } | State::Starting)
            };
            places.iter().any(comes)
        };
        while comes(self) {
            // An error would mean that there is no sender, which `self` has.
            let _ = changes.changed().await;
        }
    }

    /// Whether all have ended, at least one of them by itself, and nobody wants to start one again.
    pub(crate) fn all_ended(&self) -> bool {
        self.lock()
            .iter()
            .all(|entry| entry.ending == Ending::Itself)
    }

    pub(crate) fn status(&self, ready: bool, stopping: bool) -> Status {
        let entries = self.lock();
        let processes = entries.iter().map(Entry::status);
        Status {
            service: self.service.clone(),
            uptime: self.started.elapsed(),
            ready,
            stopping,
            processes: processes.collect(),
        }
    }
}

impl Entry {
    fn status(&self) -> ProcessStatus {
        let live = self.live.as_ref().map(Handle::report);
        let mut totals = self.past.clone();
        if let Some(report) = &live {
            totals::add(&mut totals, report);
        }
        ProcessStatus {
            name: self.name.clone(),
            state: self.state.clone(),
            since: self.since.elapsed(),
            runs: self.runs,
            restarts: self.restarts,
            skipped: self.skipped,
            failures: self.failures,
            last_failure: self.last_failure.clone(),
            totals,
            report: live.or_else(|| self.last.clone()),
        }
    }
}
