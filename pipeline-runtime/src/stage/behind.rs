//! The plain stages behind a form with a task of its own, and the edge behind them.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Instant;

use super::deadline::Cx;
use super::shared::{Shared, Worker};
use super::wiring::{ItemOut, Wiring};
use crate::bounds::Never;
use crate::failure::Failure;
use crate::flow::edge::Gone;
use crate::guard;
use crate::measure::counts::Tally;
use crate::step::{Entry, Step};
use crate::ticket::{Carried, Carry as _, Scope as _};

/// What the task of such a form hands its outputs to.
pub(super) struct Behind<W: Wiring, F> {
    worker: Worker<W>,
    pub(super) shared: Arc<Shared<W>>,
    pub(super) tally: Tally,
    cx: Cx,
    post: F,
}

impl<W: Wiring, F> Behind<W, F> {
    pub(super) fn new(shared: &Arc<Shared<W>>, post: F) -> Self {
        Self {
            worker: shared.join(),
            shared: Arc::clone(shared),
            tally: shared.tally(),
            cx: Cx::untimed(),
            post,
        }
    }

    /// The worker has nothing more to do.
    pub(super) fn finish(self) {
        self.worker.finish(false);
    }

    /// Waits for the credit of one output.
    pub(super) async fn credit(&mut self) -> Result<(), Gone> {
        let (edge, blocked) = (&self.shared.edge, &self.shared.timing.blocked);
        blocked.open(Instant::now());
        let credit = poll_fn(|cx| edge.poll_credits(0, cx, 1)).await;
        blocked.close(Instant::now());
        credit.map(drop)
    }

    /// Hands in one output, for which there is a credit, or gives that back.
    pub(super) fn submit(&mut self, output: Option<ItemOut<W>>) {
        let mut out: Vec<_> = output.into_iter().collect();
        // One worker, and no order but its own: the number means nothing.
        self.shared
            .edge
            .submit(0, &mut out, 1, &mut self.tally, None, false);
    }

    /// Sends on what failed of the item that came in, and counts it.
    pub(super) async fn fail(&mut self, failure: Failure<W::Task>, ticket: W::Ticket) {
        self.failed(failure, ticket).await;
        self.tally.resolved += 1;
        self.shared.edge.count(&mut self.tally);
    }

    /// The same of an output, or of what was done for several items.
    pub(super) async fn failed(&mut self, failure: Failure<W::Task>, ticket: W::Ticket) {
        let (failure, row) = self.shared.failed(failure, ticket);
        self.shared.report(vec![failure]).await;
        self.tally.stages[row].failed += 1;
    }

    /// The item that came in is somebody else's by now.
    #[cold]
    pub(super) fn lose(&mut self, ticket: W::Ticket) {
        self.tally.aside(0, true, ticket);
        self.tally.resolved += 1;
        self.shared.edge.count(&mut self.tally);
    }

    /// What the plain stages make of an output of the form.
    pub(super) async fn passed<I>(&mut self, item: I, ticket: W::Ticket) -> Option<ItemOut<W>>
    where
        F: Fn(Entry<I, Never>, &Cx) -> Step<W::Out, Never, W::Task>,
    {
        *self.tally.stages[0].emitted.get_or_insert(0) += 1;
        let scope = ticket.scope();
        let called = scope.within(|| guard::call(|| (self.post)(Entry::Fresh(item), &self.cx)));
        self.cx.pour(&mut self.tally.arms);
        let step = called.unwrap_or_else(|panicked| Step::Failed(self.shared.fell(panicked)));
        match step {
            Step::Emit(item) => Some(Carried { item, ticket }),
            Step::Filtered(stage) => {
                self.tally.stages[self.shared.row(stage)].filtered += 1;
                ticket.filtered();
                None
            }
            Step::Failed(failure) => {
                self.failed(failure, ticket).await;
                None
            }
            Step::AlreadyDone(_) | Step::Lost(_) | Step::Again { .. } | Step::Gone => {
                unreachable!("no call of this group is retried or timed")
            }
        }
    }
}

/// What a call of the expansion's returned: its failure is that of an item.
pub(super) fn guarded<W: Wiring, V>(
    shared: &Shared<W>,
    call: impl FnOnce() -> Step<V, Never, W::Task>,
) -> Result<V, Failure<W::Task>> {
    match guard::call(call) {
        Ok(Step::Emit(value)) => Ok(value),
        Ok(Step::Failed(failure)) => Err(failure),
        Err(panicked) => Err(shared.fell(panicked)),
        Ok(_) => unreachable!("it is neither retried nor timed, and drops nothing"),
    }
}
