//! How a run comes to its end, for what outlives its stages.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

/// How far a run has come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Phase {
    #[default]
    Running,
    /// A failure has stopped it; calls that block are still waited for.
    Stopped,
    /// Nobody waits for it any more.
    Aborted,
    /// It was stopped, and no stage runs any more.
    Ended,
    /// It was aborted, and no stage runs any more.
    Gone,
}

impl Phase {
    /// No stage runs any more.
    pub(super) fn end(&mut self) {
        *self = match self {
            Self::Aborted | Self::Gone => Self::Gone,
            Self::Running | Self::Stopped | Self::Ended => Self::Ended,
        };
    }
}

/// Tells what outlives the stages how far the end has come.
pub(crate) struct Ending {
    phase: watch::Receiver<Phase>,
    kept: Kept,
}

impl Ending {
    pub(super) fn new(phase: watch::Receiver<Phase>, kept: Kept) -> Self {
        Self { phase, kept }
    }

    pub(crate) fn phase(&mut self) -> Phase {
        *self.phase.borrow_and_update()
    }

    /// Waits for the next phase.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub(crate) async fn changed(&mut self) {
        if self.phase.changed().await.is_err() {
            // The pipeline is gone, and has been told to end before.
            std::future::pending::<()>().await;
        }
    }

    /// The end of the run need not wait for this any more.
    pub(crate) fn let_go(&self) {
        self.kept.let_go();
    }
}

/// Counts one keeper until it lets go of the run, or is over, also when it panics or is aborted.
#[derive(Clone)]
pub(super) struct Kept(Arc<Counted>);

struct Counted(Mutex<Option<Arc<watch::Sender<usize>>>>);

impl Kept {
    pub(super) fn new(keepers: &Arc<watch::Sender<usize>>) -> Self {
        keepers.send_modify(|keepers| *keepers += 1);
        let counted = Counted(Mutex::new(Some(Arc::clone(keepers))));
        Self(Arc::new(counted))
    }

    fn let_go(&self) {
        self.0.end();
    }
}

impl Counted {
    fn end(&self) {
        let mut keepers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(keepers) = keepers.take() {
            keepers.send_modify(|keepers| *keepers -= 1);
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.end();
    }
}
