//! `:drive`: items go into a sink, and are then done.

use std::future::poll_fn;
use std::io;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use super::deadline::Cx;
use super::intake::{Intake, Next};
use super::places::{Makes, Places, Refused, begin, grow};
use super::shared::{Shared, Worker};
use super::wiring::Final;
use super::write::{Wrote, write};
use crate::bounds::Never;
use crate::bounds::{Item, Portable};
use crate::failure::{Away, Cause, Failure, Stop};
use crate::graph::{Group, Opts, Port, Resize};
use crate::guard;
use crate::measure::counts::Tally;
use crate::measure::pace::Pace;
use crate::name::Name;
use crate::run::patience::Patience;
use crate::runs::Runs;
use crate::sink::{Failed, SetAside, Settles, Sink, SinkError, Stake, Written};
use crate::step::{Entry, Step};
use crate::ticket::{Carried, Carry, Now, Scope as _};

/// Nothing comes out of a sink.
type Sunk<T, Task, K> = Final<T, Never, Task, K>;

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
    let opts = called(opts, sink.name()).unordered();
    let (shared, group, next) = Shared::<Sunk<T, Task, K>>::wire(port, opts, false);
    if S::SETTLES == Settles::Messages {
        let mut build = next.graph.lock();
        let there_are = K::CARRIES && build.brings_messages;
        build.check_messages(group.main(), there_are);
        build.check_whole(group.main(), &group.inputs);
    }
    if S::ALONE {
        let mut build = next.graph.lock();
        build.check_alone(group.main(), group.count);
    }
    sink.leads_from(next.graph.control().idle());
    sink.joins(next.graph.control().links());
    shared.edge.untaken();
    let writers = Arc::new(Writers {
        shared,
        places: Places::new(),
        writing: AtomicUsize::new(0),
        batches,
        patience: Patience::new(sink.name()),
        pre,
        sink,
        out: PhantomData,
    });
    let resize: Weak<dyn Resize> = Arc::downgrade(&(writers.clone() as Arc<dyn Resize>));
    next.graph.push(Group {
        kind: Runs::Sink,
        resize: (!S::ALONE).then_some(resize),
        ..group
    });
    next.graph.on_start(move |_control| begin(&writers));
    next
}

/// The sink's own name goes before that of the variable which it is in, and a written one before both.
fn called(mut opts: Opts, name: Name) -> Opts {
    opts.called = (!opts.named && name != "sink").then_some(name);
    opts
}

/// What the writers of a sink share.
struct Writers<T: Item, O, Task: Item, K: Carry, F, S> {
    shared: Arc<Shared<Sunk<T, Task, K>>>,
    places: Places,
    /// How many may still write; the last of them flushes the sink.
    writing: AtomicUsize,
    /// Whether the items are batches as `batch` made them, whose parts have tickets of their own.
    batches: bool,
    /// The fused stages in front.
    pre: F,
    sink: S,
    patience: Patience,
    out: PhantomData<fn() -> O>,
}

impl<T: Item, O: Item, Task: Item, K: Carry, F, S: Sink<O>> Makes for Writers<T, O, Task, K, F, S>
where
    F: Fn(Entry<T, Never>, &Cx) -> Step<O, Never, Task> + Portable,
{
    fn places(&self) -> &Places {
        &self.places
    }

    fn permits(&self) -> usize {
        self.shared.crew.permits()
    }

    fn permit(&self, count: usize) -> bool {
        self.shared.permit(count)
    }

    fn make(self: &Arc<Self>, place: usize) -> Result<(), Refused> {
        let shared = &self.shared;
        // After the last one there is nothing for another: the sink is being flushed. Ordered as where they leave.
        let joined = self
            .writing
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |writing| {
                (writing > 0 || place == 0).then_some(writing.saturating_add(1))
            });
        if joined.is_err() {
            return Ok(());
        }
        let writer = Writer {
            worker: shared.join(),
            intake: Intake::new(Arc::clone(shared), place),
            cx: Cx::untimed(),
            tally: shared.tally(),
            pace: Pace::of_runtime(),
            tickets: Vec::new(),
            free: self.places.counted(place),
            shared: Arc::clone(shared),
            ends: Arc::clone(self),
        };
        shared
            .control
            .spawn_in(shared.span(), Box::pin(writer.run()));
        Ok(())
    }

    fn staffed(&self, workers: usize) {
        self.shared.timing.staffed(workers);
    }

    fn cannot_start(&self, error: io::Error) {
        self.shared.cannot_start(error);
    }

    fn cannot_grow(&self, made: usize, error: &io::Error) {
        self.shared.cannot_grow(made, error);
    }
}

/// One of the writes at the same time.
struct Writer<T: Item, O, Task: Item, K: Carry, F, S> {
    worker: Worker<Sunk<T, Task, K>>,
    shared: Arc<Shared<Sunk<T, Task, K>>>,
    intake: Intake<Sunk<T, Task, K>>,
    cx: Cx,
    tally: Tally,
    /// How many items to take at once, where the sink takes single ones.
    pace: Pace,
    /// Those of the items that are being written.
    tickets: Vec<K>,
    /// Whether it is counted among those that have nothing to do.
    free: bool,
    ends: Arc<Writers<T, O, Task, K, F, S>>,
}

impl<T: Item, O: Item, Task: Item, K: Carry, F, S: Sink<O>> Writer<T, O, Task, K, F, S>
where
    F: Fn(Entry<T, Never>, &Cx) -> Step<O, Never, Task> + Portable,
{
    async fn run(mut self) {
        loop {
            let most = self.most();
            let want = if S::BATCHES {
                most
            } else {
                self.pace.want(most)
            };
            match poll_fn(|cx| self.intake.poll_next(cx, want, true)).await {
                Next::Batch { seq, credits } => {
                    if self.ends.places.works(&mut self.free) {
                        grow(&self.ends);
                    }
                    self.write().await;
                    self.cx.pour(&mut self.tally.arms);
                    self.shared.edge.submit(
                        seq,
                        &mut Vec::new(),
                        credits,
                        &mut self.tally,
                        None,
                        false,
                    );
                    self.ends.places.rests(&mut self.free);
                }
                Next::Again(due) => match due.item {},
                // A sink has no keys.
                Next::End | Next::Turns => break,
            }
        }
        let writing = &self.ends.writing;
        // AcqRel: the last writer flushes after all that the others have written.
        if writing.fetch_sub(1, Ordering::AcqRel) == 1 && !self.shared.control.stopped() {
            self.flush().await;
        }
        self.worker.finish(self.intake.resigned);
    }

    async fn flush(&mut self) {
        let ends = Arc::clone(&self.ends);
        let mut asking = ends.patience.asking();
        loop {
            let flushed = guard::run(async { ends.sink.flush().await }).await;
            let Err(error) = flushed.unwrap_or_else(|panicked| Err(SinkError::closed(panicked)))
            else {
                break;
            };
            if !error.is_away() || !asking.pause(&error, false).await {
                self.shared.stop(Stop::Flush(error.into_error()));
                return;
            }
        }
        asking.answered();
    }

    fn most(&self) -> usize {
        let most = if S::BATCHES {
            self.shared.share()
        } else {
            self.shared.most()
        };
        most.min(crate::sink::MOST)
    }

    async fn write(&mut self) {
        if !S::BATCHES {
            self.pace.begin(self.most(), None);
        }
        let batch = &mut self.intake.batch;
        let mut failures = batch.failed();
        let (taken, all) = (batch.items.len(), batch.items.len() + failures.len());
        let mut items = Vec::with_capacity(taken);
        for Carried { item, ticket } in batch.items.drain(..) {
            // The clock is read for each: the calls may take long, and a process may be stopped between two.
            if ticket.is_lost(&mut Now::default()) {
                self.tally.aside(0, true, ticket);
                continue;
            }
            let scope = ticket.scope();
            let called =
                scope.within(|| guard::call(|| (self.ends.pre)(Entry::Fresh(item), &self.cx)));
            match called.unwrap_or_else(|panicked| Step::Failed(self.shared.fell(panicked))) {
                Step::Emit(output) => {
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
        if !failures.is_empty() {
            let waits = tokio::time::Instant::now();
            self.shared.report(failures).await;
            self.pace.waited(waits.elapsed());
        }
        if items.is_empty() {
            self.pace.end(all);
        } else {
            self.sink(items, all).await;
        }
        self.tally.resolved += taken as u64;
    }

    /// Writes the items; those that come back from a sink that is away, as often as it takes.
    async fn sink(&mut self, mut items: Vec<O>, taken: usize) {
        let ends = Arc::clone(&self.ends);
        let mut asking = ends.patience.asking();
        let mut tickets = std::mem::take(&mut self.tickets);
        loop {
            let stakes;
            (items, tickets, stakes) = self.staked(items, tickets).await;
            let count = items.len();
            if count == 0 {
                self.pace.end(taken);
                break self.tickets = tickets;
            }
            let wrote = write(&ends.sink, items, stakes).await;
            self.pace.end(taken);
            let (written, error) = match wrote {
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
        self.set_aside(&written, &mut tickets);
        // Of a batch the queue knows what was written of it, and its failures have tickets of their own.
        let untold = |failed: &Failed| !self.ends.batches && failed.part.is_none();
        let untold = written.failed.iter().filter(|failed| untold(failed));
        let untold: Vec<_> = untold.map(|failed| failed.index).collect();
        let settled = written.settled;
        let failures = self.failures(written, &tickets);
        if settled {
            for (index, ticket) in tickets.drain(..).enumerate() {
                if untold.contains(&index) {
                    ticket.done();
                } else {
                    ticket.settled();
                }
            }
        } else {
            K::done_all(tickets.drain(..));
        }
        self.tickets = tickets;
        self.shared.report(failures).await;
    }

    /// What is still to be written, and what is at stake with it if the sink wants to know: not what somebody else has by
    /// now, and not what the sink cannot settle.
    async fn staked(&mut self, items: Vec<O>, tickets: Vec<K>) -> (Vec<O>, Vec<K>, Vec<Stake>) {
        let (mut now, mut parts, mut stakes) = (Now::default(), Vec::new(), Vec::new());
        let goes = tickets.iter().all(|ticket| !ticket.is_lost(&mut now));
        match S::SETTLES {
            Settles::Nothing if goes => return (items, tickets, stakes),
            Settles::Traces if goes => {
                let stakes = traced(&tickets);
                return (items, tickets, stakes);
            }
            // Without tickets there are no tasks.
            Settles::Names if !K::CARRIES => return (items, tickets, stakes),
            _ => {}
        }
        let row = self.shared.row(self.shared.opts.main);
        let (mut left, mut held) = (
            Vec::with_capacity(items.len()),
            Vec::with_capacity(tickets.len()),
        );
        for (item, mut ticket) in items.into_iter().zip(tickets) {
            if ticket.is_lost(&mut now) {
                self.tally.aside(row, true, ticket);
                continue;
            }
            if S::SETTLES != Settles::Nothing {
                let stake = match S::SETTLES {
                    Settles::HandsOn => Stake::handed_on(std::mem::take(&mut ticket)),
                    Settles::Traces => Stake::traced(&ticket),
                    _ => Stake::of(&ticket, self.ends.batches),
                };
                if stake.is_part(S::SETTLES) {
                    parts.push(part(&self.shared, ticket));
                    self.tally.stages[row].failed += 1;
                    continue;
                }
                stakes.push(stake);
            }
            left.push(item);
            held.push(ticket);
        }
        self.shared.report(parts).await;
        (left, held, stakes)
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
        for failed in written.failed {
            let Failed {
                index, part, cause, ..
            } = failed;
            if part.is_none() && last.replace(index) == Some(index) {
                continue;
            }
            self.tally.stages[row].failed += u64::from(part.is_none());
            let ticket = tickets.get(index).map(|ticket| match part {
                Some(part) if self.ends.batches => ticket.element(part),
                _ => ticket.part(),
            });
            let mut failure = Failure::new(shared.main().clone(), cause);
            failure.0.attempts = 1;
            failure.0.frames = shared.frames;
            failure.0.ticket = if S::SETTLES == Settles::HandsOn {
                failed.ticket.into()
            } else {
                ticket.unwrap_or_default().into_ticket().into()
            };
            failures.push(failure);
        }
        failures
    }
}

/// In which traces the items are; nothing if none is in one.
fn traced<K: Carry>(tickets: &[K]) -> Vec<Stake> {
    let stakes: Vec<_> = tickets.iter().map(Stake::traced).collect();
    if stakes.iter().any(|stake| stake.trace.is_some()) {
        stakes
    } else {
        Vec::new()
    }
}

/// The failure of an item that is not all of what the sink would settle with it.
#[cold]
fn part<T: Item, Task: Item, K: Carry>(
    shared: &Shared<Sunk<T, Task, K>>,
    ticket: K,
) -> Failure<Task> {
    let why = "other items came of the same message or task, and the sink settles it with one; make its rows one item, a `Vec` of rows";
    let mut failure = Failure::new(shared.main().clone(), Cause::Error(why.into()));
    failure.0.frames = shared.frames;
    failure.0.ticket = ticket.into_ticket().into();
    failure
}
