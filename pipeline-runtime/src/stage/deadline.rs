//! Timeouts of calls that cannot be cancelled.

use std::cell::{Cell, RefCell};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::AbortHandle;

use super::passed::Passed;
use super::shared::Shared;
use super::wiring::Wiring;
use crate::failure::{Cause, Failure};
use crate::flow::edge::Runs;
use crate::named::debug_by_name;
use crate::ticket::Ticket;

/// What a group's function may tell its worker.
pub struct Cx {
    arm: Option<Arm>,
    seq: Cell<u64>,
    /// The item's, while no call under a deadline has it.
    ticket: Cell<Ticket>,
    armed: RefCell<Option<Armed>>,
    /// Whether its deadline has resolved the item.
    gone: Cell<bool>,
    passed: Passed,
}

debug_by_name!(Cx);

type Arm = Box<dyn Fn(u64, u32, Ticket) -> Armed + Send>;

/// The item's ticket, for whoever claims it first: the deadline, or the end of the call.
type Claim = Arc<Mutex<Option<Ticket>>>;

fn claimed(claim: &Claim) -> Option<Ticket> {
    claim.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// A call under a deadline: whoever claims it first resolves the item.
struct Armed {
    claim: Claim,
    timer: AbortHandle,
}

impl Cx {
    /// For a group without a deadline.
    pub(crate) fn untimed() -> Self {
        Self {
            arm: None,
            seq: Cell::new(0),
            ticket: Cell::default(),
            armed: RefCell::new(None),
            gone: Cell::new(false),
            passed: Passed::default(),
        }
    }

    pub(crate) fn new<W: Wiring>(shared: &Arc<Shared<W>>) -> Self {
        let arm = shared.opts.timeout.map(|after| -> Arm {
            let shared = Arc::clone(shared);
            Box::new(move |seq, attempt, ticket| deadline(&shared, after, seq, attempt, ticket))
        });
        Self {
            arm,
            ..Self::untimed()
        }
    }

    /// An item has passed that arm of a `match`, as it is numbered in the group.
    #[inline]
    pub fn passed(&self, arm: usize) {
        self.passed.count(arm);
    }

    /// Moves away how many have passed the arms.
    #[inline]
    pub(crate) fn pour(&self, arms: &mut [u64]) {
        self.passed.pour(arms);
    }

    /// The item to come has this number and this ticket.
    pub(crate) fn item(&self, seq: u64, ticket: Ticket) {
        self.seq.set(seq);
        self.ticket.set(ticket);
        self.gone.set(false);
    }

    /// Whether the item's deadline has resolved it.
    pub(crate) fn is_gone(&self) -> bool {
        self.gone.get()
    }

    /// The item's ticket; the null ticket if its deadline has resolved it.
    pub(crate) fn ticket(&self) -> Ticket {
        self.ticket.take()
    }

    /// Says that the call to come, attempt number `attempt`, has the group's timeout.
    pub fn arm(&self, attempt: u32) {
        if let Some(arm) = &self.arm {
            *self.armed.borrow_mut() = Some(arm(self.seq.get(), attempt, self.ticket.take()));
        }
    }

    /// Whether the call ended in time; if not, its failure has been reported and the step is `Gone`.
    pub fn disarm(&self) -> bool {
        let Some(Armed { claim, timer }) = self.armed.borrow_mut().take() else {
            return true;
        };
        let Some(ticket) = claimed(&claim) else {
            self.gone.set(true);
            return false;
        };
        self.ticket.set(ticket);
        timer.abort();
        true
    }
}

fn deadline<W: Wiring>(
    shared: &Arc<Shared<W>>,
    after: Duration,
    seq: u64,
    attempt: u32,
    ticket: Ticket,
) -> Armed {
    let claim = Arc::new(Mutex::new(Some(ticket)));
    let (shared, open) = (Arc::clone(shared), Arc::clone(&claim));
    let timer = Arc::clone(&shared).control.spawn(Box::pin(async move {
        tokio::time::sleep(after).await;
        let Some(ticket) = claimed(&open) else {
            return;
        };
        let main = shared.main();
        let mut failure = Failure::new(main.clone(), Cause::Timeout(after));
        failure.0.attempts = attempt;
        failure.0.frames = shared.frames;
        failure.0.ticket = ticket.into();
        let mut tally = shared.tally();
        shared.reporter.report(vec![failure]).await;
        tally.stages[shared.row(shared.opts.main)].failed += 1;
        tally.resolved += 1;
        let mut done = Runs::new();
        done.resolve(seq, None);
        shared.edge.submit_each(&mut done, &mut tally);
        shared.moved_on();
    }));
    Armed { claim, timer }
}
