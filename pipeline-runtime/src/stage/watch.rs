//! Timeouts of calls that cannot be cancelled.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::AbortHandle;

use super::shared::Shared;
use crate::failure::{Cause, Failure};

/// What a group's function may tell its worker.
pub struct Cx {
    arm: Option<Arm>,
    seq: Cell<u64>,
    armed: RefCell<Option<Armed>>,
}

type Arm = Box<dyn Fn(u64, u32) -> Armed + Send>;

/// A call under a deadline: whoever claims it first, the deadline or its end, resolves the item.
struct Armed {
    claimed: Arc<AtomicBool>,
    timer: AbortHandle,
}

impl Cx {
    /// For a group without a deadline.
    pub(crate) fn untimed() -> Self {
        Self {
            arm: None,
            seq: Cell::new(0),
            armed: RefCell::new(None),
        }
    }

    pub(crate) fn new<T, M, O, Task>(shared: &Arc<Shared<T, M, O, Task>>) -> Self
    where
        T: Send + 'static,
        M: Send + 'static,
        O: Send + 'static,
        Task: Send + 'static,
    {
        let arm = shared.opts.timeout.map(|after| -> Arm {
            let shared = Arc::clone(shared);
            Box::new(move |seq, attempt| deadline(&shared, after, seq, attempt))
        });
        Self {
            arm,
            ..Self::untimed()
        }
    }

    /// The item to come has this number.
    pub(crate) fn item(&self, seq: u64) {
        self.seq.set(seq);
    }

    /// Says that the call to come, attempt number `attempt`, has the group's timeout.
    pub fn arm(&self, attempt: u32) {
        if let Some(arm) = &self.arm {
            *self.armed.borrow_mut() = Some(arm(self.seq.get(), attempt));
        }
    }

    /// Whether the call ended in time; if not, its failure has been reported and the step is `Gone`.
    pub fn disarm(&self) -> bool {
        let Some(Armed { claimed, timer }) = self.armed.borrow_mut().take() else {
            return true;
        };
        let in_time = !claimed.swap(true, Ordering::SeqCst);
        if in_time {
            timer.abort();
        }
        in_time
    }
}

fn deadline<T, M, O, Task>(
    shared: &Arc<Shared<T, M, O, Task>>,
    after: Duration,
    seq: u64,
    attempt: u32,
) -> Armed
where
    T: Send + 'static,
    M: Send + 'static,
    O: Send + 'static,
    Task: Send + 'static,
{
    let claimed = Arc::new(AtomicBool::new(false));
    let (shared, claim) = (Arc::clone(shared), Arc::clone(&claimed));
    let timer = Arc::clone(&shared).control.spawn(async move {
        tokio::time::sleep(after).await;
        if claim.swap(true, Ordering::SeqCst) {
            return;
        }
        let main = shared.main();
        let mut failure = Failure::new(*main, Cause::Timeout(after));
        failure.attempts = attempt;
        failure.frames = shared.frames;
        let mut tally = shared.tally();
        shared.reporter.report(failure).await;
        tally.stages[shared.row(shared.opts.main)].failed += 1;
        tally.resolved += 1;
        shared.edge.submit_each([(seq, None)], &mut tally);
    });
    Armed { claimed, timer }
}
