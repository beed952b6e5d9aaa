//! `:drive`: items go into a sink, and are then done.

use std::future::poll_fn;
use std::marker::PhantomData;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::FutureExt;

use super::intake::{Intake, Next};
use super::shared::{Shared, Worker};
use super::watch::Cx;
use crate::bounds::Never;
use crate::bounds::{Item, Portable};
use crate::build::{Port, Runs};
use crate::counts::Tally;
use crate::failure::{Failure, Stop};
use crate::opts::Opts;
use crate::place::ErrorKind;
use crate::sink::{Failed, Sink, Written};
use crate::step::{Entry, Step};
use crate::ticket::{Carried, Carry};

/// The most items in one write.
const MOST: usize = 1024;

/// Wires the tail: nothing comes out of the port that is left.
pub(crate) fn drive<T: Item, O: Item, Task: Item, K: Carry, F, S: Sink<O>>(
    port: Port<T, Task, K>,
    opts: Opts,
    pre: F,
    sink: S,
) -> Port<Never, Task, K>
where
    F: Fn(Entry<T, Never>, &Cx) -> Step<O, Never, Task> + Portable,
{
    let batches = port.batches && opts.stages.len() == 1;
    let (shared, mut next) =
        Shared::<T, Never, Never, Task, K>::wire(port, opts.unordered(), false);
    if let Some(group) = next.build.groups.last_mut() {
        group.kind = Runs::Sink;
    }
    let shared_by_all = Arc::new((pre, sink, AtomicUsize::new(shared.opts.count)));
    next.build.starts.push(Box::new(move |control| {
        for place in 0..shared.opts.count {
            let writer = Writer {
                worker: shared.join(),
                intake: Intake::new(Arc::clone(&shared), place),
                cx: Cx::untimed(),
                tally: shared.tally(),
                batches,
                tickets: Vec::new(),
                shared: Arc::clone(&shared),
                ends: Arc::clone(&shared_by_all),
                out: PhantomData,
            };
            control.spawn_in(shared.span(), Box::pin(writer.run()));
        }
    }));
    next
}

/// One of the writes at the same time.
struct Writer<T: Item, O, Task: Item, K: Carry, F, S> {
    worker: Worker<T, Never, Never, Task, K>,
    shared: Arc<Shared<T, Never, Never, Task, K>>,
    intake: Intake<T, Never, Never, Task, K>,
    cx: Cx,
    tally: Tally,
    /// Whether the items are batches as `batch` made them, whose parts have tickets of their own.
    batches: bool,
    /// Those of the items that are being written.
    tickets: Vec<K>,
    /// The fused stages in front, the sink, and how many writers there are.
    ends: Arc<(F, S, AtomicUsize)>,
    out: PhantomData<fn() -> O>,
}

impl<T: Item, O: Item, Task: Item, K: Carry, F, S: Sink<O>> Writer<T, O, Task, K, F, S>
where
    F: Fn(Entry<T, Never>, &Cx) -> Step<O, Never, Task> + Portable,
{
    async fn run(mut self) {
        loop {
            let want = self.shared.most().min(MOST);
            match poll_fn(|cx| self.intake.poll_next(cx, want, true)).await {
                Next::Batch { seq, credits } => {
                    self.write().await;
                    self.shared.edge.submit(
                        seq,
                        &mut Vec::new(),
                        credits,
                        &mut self.tally,
                        None,
                        false,
                    );
                }
                Next::Again(due) => match due.item {},
                Next::End => break,
            }
        }
        let (_, sink, writers) = &*self.ends;
        if writers.fetch_sub(1, Ordering::AcqRel) == 1
            && !self.shared.control.stopped()
            && let Err(error) = sink.flush().await
        {
            self.shared.stop(Stop::Flush(error.into_error()));
        }
        self.worker.finish();
    }

    async fn write(&mut self) {
        let batch = &mut self.intake.batch;
        self.shared.source_failed(&mut batch.failures).await;
        let taken = batch.items.len();
        let mut items = Vec::with_capacity(taken);
        for Carried { item, ticket } in batch.items.drain(..) {
            match (self.ends.0)(Entry::Fresh(item), &self.cx) {
                Step::Emit(output) => {
                    items.push(output);
                    self.tickets.push(ticket);
                }
                Step::Filtered(stage) => {
                    let row = self.shared.row(stage);
                    self.tally.stages[row].filtered += 1;
                    ticket.filtered();
                }
                Step::Failed(failure) => {
                    let row = self.shared.failed(failure, ticket).await;
                    self.tally.stages[row].failed += 1;
                }
                Step::Again { .. } | Step::Gone => {
                    unreachable!("no call of this group is retried or timed")
                }
            }
        }
        batch.hold = None;
        if !items.is_empty() {
            self.sink(items).await;
        }
        self.tally.resolved += taken as u64;
    }

    async fn sink(&mut self, items: Vec<O>) {
        let count = items.len();
        let mut tickets = std::mem::take(&mut self.tickets);
        let writing = AssertUnwindSafe(self.ends.1.write(items)).catch_unwind();
        let written = match writing.await {
            Err(panic) => {
                let mut written = Written::all();
                (0..count).for_each(|index| written.panicked(index, &*panic));
                written
            }
            Ok(Ok(written)) => written,
            Ok(Err(error)) if error.kind() == ErrorKind::Closed => {
                self.shared.stop(Stop::Sink(error.into_error()));
                return;
            }
            Ok(Err(error)) => Written::none(count, error.into_error()),
        };
        let failures = self.failures(written, &tickets);
        // What is written is done, however long the errors end takes. So is what failed, as soon as its failure is.
        K::done_all(tickets.drain(..));
        self.tickets = tickets;
        for failure in failures {
            self.shared.reporter.report(failure).await;
        }
    }

    /// Counts what could not be written, and gives each failure a part of its ticket.
    fn failures(&mut self, mut written: Written, tickets: &[K]) -> Vec<Failure<Task>> {
        let (shared, mut failures) = (&self.shared, Vec::new());
        let (row, mut last) = (shared.row(shared.opts.main), None);
        written
            .failed
            .sort_by_key(|failed| (failed.index, failed.part));
        for Failed { index, part, cause } in written.failed {
            if part.is_none() && last.replace(index) == Some(index) {
                continue;
            }
            self.tally.stages[row].failed += u64::from(part.is_none());
            let ticket = tickets.get(index).map(|ticket| match part {
                Some(part) if self.batches => ticket.element(part),
                _ => ticket.part(),
            });
            let mut failure = Failure::new(*shared.main(), cause);
            failure.0.attempts = 1;
            failure.0.frames = shared.frames;
            failure.0.ticket = ticket.unwrap_or_default().into_ticket().into();
            failures.push(failure);
        }
        failures
    }
}
