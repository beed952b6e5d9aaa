//! An instance that follows what all are told.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use pipeline_runtime::Name;
use pipeline_runtime::private::Patience;
use tokio::time::timeout;

use crate::command::ControlError;
use crate::control::Control;
use crate::everywhere::{AnyStanding, Order, Orders};
use crate::status::{State, Status};

/// How long a start waits for the place.
const AT_START: Duration = Duration::from_secs(10);

/// What an instance has been told, and has done.
pub(crate) struct Follows {
    place: Arc<dyn AnyStanding>,
    service: Name,
    control: Control,
    orders: Orders,
    /// Which of the counts were set, of which run.
    set: BTreeMap<(String, String), (u64, usize)>,
    /// The number of what could not be read last.
    unread: Option<u64>,
}

impl Follows {
    pub(crate) fn new(place: Arc<dyn AnyStanding>, service: Name, control: Control) -> Self {
        Self {
            place,
            service,
            control,
            orders: Orders::default(),
            set: BTreeMap::new(),
            unread: None,
        }
    }

    /// Before anything starts: where the place does not answer in time it starts as it is declared, and follows later.
    pub(crate) async fn begins(&mut self) {
        match timeout(AT_START, self.read()).await {
            Ok(Some(orders)) => self.pauses(orders).await,
            Ok(None) => {}
            Err(_) => {
                tracing::warn!(place = %self.place.name(), "it does not say what all instances are told");
            }
        }
    }

    /// From then on.
    pub(crate) async fn follows(mut self) -> Infallible {
        loop {
            let place = Arc::clone(&self.place);
            let changed = place.changed();
            if let Some(orders) = self.read().await {
                self.pauses(orders).await;
            }
            self.counts().await;
            // A run that begins meanwhile has the counts that are written, until the next look.
            changed.await;
        }
    }

    /// As often as it takes; none where what is kept cannot be read: then what was said before holds.
    async fn read(&mut self) -> Option<Orders> {
        let patience = Patience::new(self.place.name().to_string());
        let mut asking = patience.asking();
        loop {
            match self.place.read(&self.service).await {
                Ok((number, text)) => {
                    asking.answered();
                    return self.understood(number, &text);
                }
                Err(error) => _ = asking.pause_within(&error, None).await,
            }
        }
    }

    fn understood(&mut self, number: u64, text: &str) -> Option<Orders> {
        let read = Orders::read(text);
        let unread = read.is_err().then_some(number);
        if let Err(error) = &read
            && self.unread != unread
        {
            tracing::warn!(place = %self.place.name(), error, "what all instances are told is not done here");
        }
        self.unread = unread;
        read.ok()
    }

    /// Pauses and resumes where something else is said than before.
    async fn pauses(&mut self, mut orders: Orders) {
        for (process, Order { paused, .. }) in &mut orders.0 {
            let before = self.orders.0.get(process).and_then(|order| order.paused);
            let told = match *paused {
                same if same == before => continue,
                Some(true) => self.control.pause(process).await,
                Some(false) => self.control.resume(process).await,
                None => continue,
            };
            match told {
                Ok(()) => {}
                // It ends just then: the run after it is told at the next look.
                Err(ControlError::State { .. }) => *paused = before,
                Err(error) => {
                    tracing::warn!(%error, "what all instances are told is not done here");
                }
            }
        }
        self.orders = orders;
    }

    /// Sets the counts of the runs that are under way, once for each run.
    async fn counts(&mut self) {
        let status = self.control.status();
        for (process, Order { counts, .. }) in &self.orders.0 {
            let Some(run) = run(&status, process) else {
                continue;
            };
            for (stage, count) in counts {
                let of = (process.clone(), stage.clone());
                if self.set.get(&of) == Some(&(run, *count)) {
                    continue;
                }
                if let Err(error) = self.control.set_count(process, stage, *count).await {
                    tracing::warn!(%error, "what all instances are told is not done here");
                }
                self.set.insert(of, (run, *count));
            }
        }
    }
}

/// Which run is under way, if one is.
fn run(status: &Status, process: &str) -> Option<u64> {
    let found = status.process(process)?;
    matches!(found.state, State::Running | State::Paused).then_some(found.runs)
}
