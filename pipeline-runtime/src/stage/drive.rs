//! `:drive`: items go into a sink, and are then done.

use std::future::poll_fn;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::intake::{Intake, Next};
use super::shared::{Shared, Worker};
use super::watch::Cx;
use super::write::{Wrote, write};
use crate::bounds::Never;
use crate::bounds::{Item, Portable};
use crate::build::{Port, Runs};
use crate::counts::Tally;
use crate::failure::{Away, Failure, Stop};
use crate::opts::Opts;
use crate::patience::Patience;
use crate::sink::{Failed, Sink, Written};
use crate::step::{Entry, Step};
use crate::ticket::{Carried, Carry};

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
    let ends = Arc::new(Ends {
        patience: Patience::new(sink.name()),
        pre,
        sink,
        writers: AtomicUsize::new(shared.opts.count),
    });
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
                ends: Arc::clone(&ends),
                out: PhantomData,
            };
            control.spawn_in(shared.span(), Box::pin(writer.run()));
        }
    }));
    next
}

/// What the writers share.
struct Ends<F, S> {
    /// The fused stages in front.
    pre: F,
    sink: S,
    patience: Patience,
    /// How many writers there are.
    writers: AtomicUsize,
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
    ends: Arc<Ends<F, S>>,
    out: PhantomData<fn() -> O>,
}

impl<T: Item, O: Item, Task: Item, K: Carry, F, S: Sink<O>> Writer<T, O, Task, K, F, S>
where
    F: Fn(Entry<T, Never>, &Cx) -> Step<O, Never, Task> + Portable,
{
    async fn run(mut self) {
        loop {
            let want = self.shared.most().min(crate::sink::MOST);
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
        let writers = &self.ends.writers;
        // AcqRel: the last writer flushes after all that the others have written.
        if writers.fetch_sub(1, Ordering::AcqRel) == 1 && !self.shared.control.stopped() {
            self.flush().await;
        }
        self.worker.finish();
    }

    async fn flush(&mut self) {
        let ends = Arc::clone(&self.ends);
        let mut asking = ends.patience.asking();
        while let Err(error) = ends.sink.flush().await {
            if !error.is_away() || !asking.pause(&error, false).await {
                self.shared.stop(Stop::Flush(error.into_error()));
                return;
            }
        }
        asking.answered();
    }

    async fn write(&mut self) {
        let batch = &mut self.intake.batch;
        let mut failures = self.shared.source_failed(&mut batch.failures);
        let taken = batch.items.len();
        let mut items = Vec::with_capacity(taken);
        for Carried { item, ticket } in batch.items.drain(..) {
            match (self.ends.pre)(Entry::Fresh(item), &self.cx) {
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
                    let (failure, row) = self.shared.failed(failure, ticket);
                    failures.push(failure);
                    self.tally.stages[row].failed += 1;
                }
                Step::Again { .. } | Step::Gone => {
                    unreachable!("no call of this group is retried or timed")
                }
            }
        }
        batch.hold = None;
        self.shared.report(failures).await;
        if !items.is_empty() {
            self.sink(items).await;
        }
        self.tally.resolved += taken as u64;
    }

    /// Writes the items; those that come back from a sink that is away, as often as it takes.
    async fn sink(&mut self, mut items: Vec<O>) {
        let ends = Arc::clone(&self.ends);
        let mut asking = ends.patience.asking();
        let mut tickets = std::mem::take(&mut self.tickets);
        loop {
            let count = items.len();
            let (written, error) = match write(&ends.sink, items).await {
                Wrote::All(written) => {
                    asking.answered();
                    break self.settle(written, tickets).await;
                }
                Wrote::Closed {
                    written,
                    count,
                    error,
                } => {
                    tickets.truncate(count);
                    self.settle(written, tickets).await;
                    break self.shared.stop(Stop::Sink(error));
                }
                Wrote::Lost(error) => (None, error),
                Wrote::Away {
                    written,
                    left,
                    error,
                } => {
                    let rest = tickets.split_off(tickets.len().saturating_sub(left.len()));
                    self.settle(written, std::mem::replace(&mut tickets, rest))
                        .await;
                    items = left;
                    let deliveries = tickets.iter().any(K::is_of_delivery);
                    if asking.pause(&error, deliveries).await {
                        continue;
                    }
                    (Some(items.len()), error)
                }
            };
            let away = Away::new(Arc::clone(ends.patience.place()), error, asking.waited());
            let written = Written::away(written.unwrap_or(count), &away);
            break self.settle(written, tickets).await;
        }
    }

    /// What is written is done, however long the errors end takes. So is what failed, as soon as its failure is.
    async fn settle(&mut self, written: Written, mut tickets: Vec<K>) {
        let failures = self.failures(written, &tickets);
        K::done_all(tickets.drain(..));
        self.tickets = tickets;
        self.shared.report(failures).await;
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
