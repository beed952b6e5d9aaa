//! What is known of one process.

use std::sync::Arc;

use futures::future::BoxFuture;
use pipeline_runtime::Name;
use tokio::sync::{mpsc, watch};

use super::held::Held;
use super::ticks::Ticking;
use crate::command::Command;
use crate::core::{Core, Phase};
use crate::lease::{Lead, Leader};
use crate::restart::{History, Restart};
use crate::schedule::Schedule;
use crate::status::State;
use crate::work::Makes;

/// What is being told to places of ticks and leases.
pub(super) type Settling = BoxFuture<'static, ()>;

/// What a process is declared as, with places for names.
pub(crate) struct Declared<S> {
    pub(crate) place: usize,
    pub(crate) makes: Arc<dyn Makes<S>>,
    pub(crate) restart: Restart,
    pub(crate) after: Vec<usize>,
    pub(crate) waits_at_start: bool,
    pub(crate) schedule: Option<Schedule>,
    pub(crate) leader: Option<Leader>,
}

/// Looks after one process.
pub(crate) struct Supervisor<S> {
    pub(super) core: Arc<Core>,
    pub(super) state: Arc<S>,
    pub(super) of: Declared<S>,
    pub(super) inbox: mpsc::Receiver<Command>,
    pub(super) phase: watch::Receiver<Phase>,
    pub(super) held: Held,
    pub(super) history: History,
    pub(super) ticking: Option<Ticking>,
    /// The lease, if it leads.
    pub(super) lead: Option<Lead>,
    /// What is still to be told of ticks and leases.
    pub(super) settling: Option<Settling>,
    pub(super) is_paused: bool,
    pub(super) run: u64,
}

impl<S: Send + Sync + 'static> Supervisor<S> {
    pub(crate) fn new(
        core: Arc<Core>,
        state: Arc<S>,
        of: Declared<S>,
        inbox: mpsc::Receiver<Command>,
    ) -> Self {
        let now = core.clock.now();
        let ticking = of.schedule.clone();
        let ticking = ticking.map(|schedule| Ticking::new(schedule, now));
        Self {
            phase: core.phase(),
            core,
            state,
            of,
            inbox,
            held: Held::default(),
            history: History::default(),
            ticking,
            lead: None,
            settling: None,
            is_paused: false,
            run: 0,
        }
    }

    pub(super) fn name(&self) -> Name {
        self.core.names[self.of.place].clone()
    }

    pub(super) fn set(&self, state: State) {
        self.core.board.set(self.of.place, state);
    }
}
