//! What futures come to.

use std::sync::Arc;

use super::driving::{Driving, Ending, Failed, Started, StartedOf};
use super::key::Key as _;
use super::retries::Due;
use super::wiring::{ItemOut, StepOf, Wiring};
use crate::guard::Panicked;
use crate::step::{Delay, Step};
use crate::ticket::{Carried, Carry as _};

impl<W: Wiring> Driving<W> {
    /// An item is not begun, for it is somebody else's by now.
    #[cold]
    pub(super) fn lost(&mut self, started: StartedOf<W>) {
        self.worked = true;
        self.returned(started.key);
        let step = Step::Lost(self.shared.opts.main);
        self.settle(started, step);
    }

    /// A future came to its end.
    #[inline]
    pub(super) fn ended(&mut self, mut started: StartedOf<W>, ending: impl Ending<W>) {
        self.worked = true;
        match ending.step(&mut started.ticket) {
            Step::Emit(item) => {
                self.returned(started.key);
                let ticket = std::mem::take(&mut started.ticket);
                self.resolve(&started, Some(Carried { item, ticket }));
            }
            step => {
                // What waits to be tried again keeps its key.
                if !matches!(step, Step::Again { .. }) {
                    self.returned(started.key);
                }
                self.settle(started, step);
            }
        }
    }

    /// A future panicked outside of the user's calls.
    #[cold]
    pub(super) fn fell(&mut self, started: StartedOf<W>, panicked: Panicked) {
        self.worked = true;
        self.returned(started.key);
        let step = Step::Failed(self.shared.fell(panicked));
        self.settle(started, step);
    }

    /// No call for an item of this key is under way any more.
    #[inline]
    fn returned(&mut self, key: W::Key) {
        if W::Key::KEYED {
            self.intake.keyed.returned.push(key.hash());
        }
    }

    /// Items whose key could not be told, and that nobody waits for.
    pub(super) fn fallen(&mut self) {
        for (seq, step, ticket) in std::mem::take(&mut self.intake.keyed.fallen) {
            self.worked = true;
            let (again, key) = (false, W::Key::of(0));
            let started = Started {
                seq,
                again,
                ticket,
                key,
            };
            self.settle(started, step);
        }
    }

    /// What is no output: a failure to be sent on, an item to wait for another attempt.
    fn settle(&mut self, mut started: StartedOf<W>, step: StepOf<W>) {
        let ticket = std::mem::take(&mut started.ticket);
        match step {
            Step::Emit(item) => self.resolve(&started, Some(Carried { item, ticket })),
            Step::Filtered(stage) => {
                self.tally.stages[self.shared.row(stage)].filtered += 1;
                ticket.filtered();
                self.resolve(&started, None);
            }
            Step::AlreadyDone(stage) => {
                self.tally.aside(self.shared.row(stage), false, ticket);
                self.resolve(&started, None);
            }
            Step::Lost(stage) => {
                self.tally.aside(self.shared.row(stage), true, ticket);
                self.resolve(&started, None);
            }
            Step::Failed(failure) => {
                let (failure, row) = self.shared.failed(failure, ticket);
                self.failures.push(failure);
                self.failed.push((started, row));
            }
            Step::Again {
                item,
                attempt,
                delay,
            } => {
                let again = matches!(delay, Delay::Pause(_));
                self.tally.stages[self.shared.row(self.shared.opts.main)].retries +=
                    u64::from(again);
                // It may have nothing to hand in for a long time, or ever.
                self.shared.edge.count(&mut self.tally);
                let (seq, item) = (started.seq, (Carried { item, ticket }, started.key));
                self.shared.again(Due::new(seq, item, attempt), delay);
                self.ended = false;
                self.tried(&started);
            }
            // Its deadline has resolved it, or its outputs were handed in one by one.
            Step::Gone => self.tried(&started),
        }
    }

    /// Sends on what failed in this round, in one write.
    #[cold]
    pub(super) fn report(&mut self) {
        let shared = Arc::clone(&self.shared);
        let failures = std::mem::take(&mut self.failures);
        let failed = std::mem::take(&mut self.failed);
        self.sent += failed.len();
        self.failing.push(Box::pin(async move {
            shared.report(failures).await;
            failed
        }));
    }

    #[cold]
    pub(super) fn reported(&mut self, failed: Failed<W>) {
        self.sent -= failed.len();
        for (started, row) in failed {
            self.tally.stages[row].failed += 1;
            self.resolve(&started, None);
        }
    }

    #[inline]
    fn resolve(&mut self, started: &StartedOf<W>, output: Option<ItemOut<W>>) {
        self.tried(started);
        self.tally.resolved += 1;
        self.resolved.resolve(started.seq, output);
    }

    #[inline]
    fn tried(&self, started: &StartedOf<W>) {
        if started.again {
            self.shared.retries.resolved();
        }
    }
}
