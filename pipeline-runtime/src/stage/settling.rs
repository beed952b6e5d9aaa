//! What calls come to.

use std::sync::Arc;

use super::retries::Due;
use super::sync::Calls;
use super::wiring::{StepOf, Wiring};
use crate::guard::Panicked;
use crate::step::{Delay, Step};
use crate::ticket::{Carried, Carry as _};

impl<W: Wiring> Calls<W> {
    /// Sends on what failed; how many credits that keeps.
    pub(super) async fn send_failures(&mut self) -> usize {
        if self.failed.is_empty() {
            return 0;
        }
        if self.shared.reporter.gathers() {
            return self.gather();
        }
        self.report().await;
        0
    }

    /// Sends on what failed, which keeps its credits, so many, until it is sent.
    #[cold]
    pub(super) fn gather(&mut self) -> usize {
        let failures = std::mem::take(&mut *self.failed);
        let (kept, shared) = (failures.len(), Arc::downgrade(&self.shared));
        let sent = move || {
            if let Some(shared) = shared.upgrade() {
                shared.edge.release(kept);
            }
        };
        self.shared.reporter.gather(failures, Box::new(sent));
        kept
    }

    /// Sends on what failed.
    pub(super) async fn report(&mut self) {
        let failures = std::mem::take(&mut *self.failed);
        self.shared.report(failures).await;
        // It may have waited for the errors end, which is no rest.
        self.intake.rests = None;
    }

    #[cold]
    pub(super) fn fell(&self, panicked: Panicked) -> StepOf<W> {
        if self.cx.is_gone() {
            return Step::Gone;
        }
        Step::Failed(self.shared.fell(panicked))
    }

    /// Whether the item is resolved: if it waits for another attempt, or its deadline has resolved it, its credit is
    /// not this worker's any more.
    pub(super) fn settle(
        &mut self,
        seq: u64,
        key: W::Key,
        step: StepOf<W>,
        ticket: W::Ticket,
    ) -> bool {
        match step {
            Step::Emit(item) => self.out.push(Carried { item, ticket }),
            Step::Filtered(stage) => {
                self.tally.stages[self.shared.row(stage)].filtered += 1;
                ticket.filtered();
            }
            Step::AlreadyDone(stage) => self.tally.aside(self.shared.row(stage), false, ticket),
            Step::Lost(stage) => self.tally.aside(self.shared.row(stage), true, ticket),
            Step::Failed(failure) => {
                let (failure, row) = self.shared.failed(failure, ticket);
                self.failed.push(failure);
                self.tally.stages[row].failed += 1;
            }
            Step::Again {
                item,
                attempt,
                delay,
            } => {
                let again = matches!(delay, Delay::Pause(_));
                self.tally.stages[self.shared.row(self.shared.opts.main)].retries +=
                    u64::from(again);
                // The worker may have nothing to hand in for a long time, or ever.
                self.shared.edge.count(&mut self.tally);
                let item = (Carried { item, ticket }, key);
                self.shared.again(Due::new(seq, item, attempt), delay);
                return false;
            }
            Step::Gone => return false,
        }
        true
    }
}
