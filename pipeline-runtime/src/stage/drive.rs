//! `:drive`: items go into a sink, and are then done.

use std::collections::HashSet;
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
use crate::failure::{Cause, Failure, Stop};
use crate::opts::Opts;
use crate::place::ErrorKind;
use crate::sink::{Failed, SetAside, Settles, Sink, Stake, Written};
use crate::step::{Entry, Step};
use crate::ticket::{Carried, Carry, Now};

/// The most items in one write.
const MOST: usize = 1024;

/// Wires the tail: nothing comes out of the port that is left.
pub(crate) fn drive<T: Item, O: Item, Task: Item, K: Carry, F, S: Sink<O>>(
    mut port: Port<T, Task, K>,
    opts: Opts,
    pre: F,
    sink: S,
) -> Port<Never, Task, K>
where
    F: Fn(Entry<T, Never>, &Cx) -> Step<O, Never, Task> + Portable,
{
    let batches = port.batches && opts.stages.len() == 1;
    if S::SETTLES == Settles::Messages {
        port.build.check_whole(&opts, port.site);
    }
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
                stakes: Vec::new(),
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
    /// What is at stake with these items, where the sink wants to know.
    stakes: Vec<Stake>,
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
        let mut now = Now::default();
        for Carried { item, ticket } in batch.items.drain(..) {
            if ticket.is_lost(&mut now) {
                self.tally.aside(0, true, ticket);
                continue;
            }
            match (self.ends.0)(Entry::Fresh(item), &self.cx) {
                Step::Emit(output) => {
                    if S::SETTLES != Settles::Nothing {
                        let stake = Stake::of(&ticket, self.batches);
                        if stake.is_part(S::SETTLES) {
                            let failure = part(&self.shared, ticket);
                            let row = self.shared.row(self.shared.opts.main);
                            self.tally.stages[row].failed += 1;
                            self.shared.reporter.report(failure).await;
                            continue;
                        }
                        self.stakes.push(stake);
                    }
                    items.push(output);
                    self.tickets.push(ticket);
                }
                Step::Filtered(stage) => {
                    let row = self.shared.row(stage);
                    self.tally.stages[row].filtered += 1;
                    ticket.filtered();
                }
                Step::AlreadyDone(stage) => {
                    self.tally.aside(self.shared.row(stage), false, ticket);
                }
                Step::Lost(stage) => self.tally.aside(self.shared.row(stage), true, ticket),
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
        let (sink, stakes) = (&self.ends.1, std::mem::take(&mut self.stakes));
        let writing = async {
            match S::SETTLES {
                Settles::Nothing => sink.write(items).await,
                Settles::Tasks | Settles::Messages => sink.settle(items, stakes).await,
            }
        };
        let writing = AssertUnwindSafe(writing).catch_unwind();
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
        let settled = written.settled;
        self.set_aside(&written, &mut tickets);
        let mut failed = HashSet::new();
        if settled {
            failed.extend(written.failed.iter().map(|failed| failed.index));
        }
        let failures = self.failures(written, &tickets);
        // What is written is done, however long the errors end takes. So is what failed, as soon as its failure is.
        if settled {
            for (index, ticket) in tickets.drain(..).enumerate() {
                if failed.contains(&index) && !self.batches {
                    ticket.done();
                } else {
                    ticket.settled();
                }
            }
        } else {
            K::done_all(tickets.drain(..));
        }
        self.tickets = tickets;
        for failure in failures {
            self.shared.reporter.report(failure).await;
        }
    }

    /// Counts what was not to be written. What is lost takes its ticket along.
    fn set_aside(&mut self, written: &Written, tickets: &mut [K]) {
        let row = self.shared.row(self.shared.opts.main);
        for &SetAside {
            index,
            part,
            is_lost,
        } in &written.aside
        {
            let Some(ticket) = tickets.get_mut(index) else {
                continue;
            };
            match part {
                Some(part) if is_lost => ticket.element(part).lost(),
                Some(_) => {}
                None => self.tally.aside(row, is_lost, std::mem::take(ticket)),
            }
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

/// The failure of an item that is not all of what the sink would settle with it.
#[cold]
fn part<T: Item, Task: Item, K: Carry>(
    shared: &Shared<T, Never, Never, Task, K>,
    ticket: K,
) -> Failure<Task> {
    let why = "other items came of the same message or task, and the sink settles it with one; make its rows one item, a `Vec` of rows";
    let mut failure = Failure::new(*shared.main(), Cause::Error(why.into()));
    failure.0.frames = shared.frames;
    failure.0.ticket = ticket.into_ticket().into();
    failure
}
