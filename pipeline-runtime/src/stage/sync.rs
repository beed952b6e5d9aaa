//! Groups whose functions are called in a worker's own thread or task.

use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, ready};
use std::vec;

use super::by::By;
use super::deadline::Cx;
use super::function::{Called, Function};
use super::intake::{Intake, Next};
use super::key::{ByKey, Hashing, Key as _};
use super::park::{block_on, block_on_in};
use super::places::{Makes, Places, Refused, begin, grow};
use super::pool::{Pooled, run_in_pool};
use super::shared::{Shared, Worker};
use super::wiring::{ItemIn, ItemOut, PortIn, PortOut, StepOf, Wired, Wiring};
use crate::bounds::Never;
use crate::bounds::{Item, Portable};
use crate::failure::{Cause, Failure};
use crate::flow::pushing::emptied;
use crate::graph::{Group, Keeps, Kind, Opts, Port, Resize};
use crate::guard::Held;
use crate::measure::counts::Tally;
use crate::measure::pace::Pace;
use crate::run::control::Control;
use crate::run::paused::Parker;
use crate::step::{Entry, Step};
use crate::ticket::{Carried, Carry, Now, Scope as _};
use tracing::Span;

/// The function of a group without stages.
pub fn pass<T, Task>(entry: Entry<T, Never>, _cx: &Cx) -> Step<T, Never, Task> {
    Step::Emit(entry.fresh())
}

/// Wires a group of `4 form` or `:block 4 form`, or of pure stages in one task.
pub fn sync<T: Item, M: Item, O: Item, Task: Item, K: Carry, F>(
    port: Port<T, Task, K>,
    opts: Opts,
    f: F,
) -> Port<O, Task, K>
where
    F: Fn(Entry<T, M>, &Cx) -> Step<O, M, Task> + Portable,
{
    wire::<Wired<T, M, O, Task, K>>(port, opts, Arc::new(f), None, None)
}

/// The same with one worker, and never more, for a function that keeps something.
pub(super) fn alone<W: Wiring>(
    port: PortIn<W>,
    opts: Opts,
    f: Arc<dyn Function<W>>,
    keeps: Keeps,
) -> PortOut<W> {
    wire(port, opts, f, None, Some(keeps))
}

/// The same where items that have the same `hash` are worked on one at a time; `fail` is what becomes of one without.
pub fn sync_by<T: Item, M: Item, O: Item, Task: Item, K: Carry, F>(
    port: Port<T, Task, K>,
    opts: Opts,
    hash: impl Fn(&T, &Hashing) -> Result<u64, Cause> + Portable,
    fail: impl Fn(T, Cause) -> Step<O, M, Task> + Portable,
    f: F,
) -> Port<O, Task, K>
where
    F: Fn(Entry<T, M>, &Cx) -> Step<O, M, Task> + Portable,
{
    let by = Some(By::new(&opts, hash, fail));
    wire::<Wired<T, M, O, Task, K, ByKey>>(port, opts, Arc::new(f), by, None)
}

fn wire<W: Wiring>(
    port: PortIn<W>,
    opts: Opts,
    f: Arc<dyn Function<W>>,
    by: Option<By<W>>,
    state: Option<Keeps>,
) -> PortOut<W> {
    let (shared, group, next) = Shared::<W>::wire_by(port, opts, false, by);
    let calling = Arc::new(Calling {
        shared: Arc::clone(&shared),
        f,
        places: Places::new(),
    });
    let resize: Weak<dyn Resize> = Arc::downgrade(&(calling.clone() as Arc<dyn Resize>));
    next.graph.push(Group {
        resize: state.is_none().then_some(resize),
        state,
        ..group
    });
    next.graph.on_start(move |control| {
        if defers(&shared.opts, control) {
            let ticker = control.spawn(Box::pin(Arc::clone(&shared).make_up()));
            let _ = shared.ticker.set(ticker);
        }
        begin(&calling);
    });
    next
}

/// The workers of one group, started one by one.
struct Calling<W: Wiring> {
    shared: Arc<Shared<W>>,
    f: Arc<dyn Function<W>>,
    places: Places,
}

impl<W: Wiring> Makes for Calling<W> {
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
        let worker = Calls::new(Arc::clone(self), place);
        let span = shared.span();
        match shared.opts.kind {
            Kind::Block if shared.opts.pool && !shared.control.time_is_virtual() => {
                let worker = run_in_pool(Box::new(worker));
                shared.control.spawn_in(span, Box::pin(worker));
                Ok(())
            }
            Kind::Block => self.make_thread(worker, span),
            _ => {
                shared.control.spawn_in(span, Box::pin(worker.run()));
                Ok(())
            }
        }
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

impl<W: Wiring> Calling<W> {
    fn make_thread(&self, mut worker: Calls<W>, span: Span) -> Result<(), Refused> {
        let shared = &self.shared;
        let name = shared.main().name.to_string();
        let parker = shared.control.parker(&name, shared.opts.timeout);
        worker.parker.clone_from(&parker);
        // Until there is a thread for it, it can be had back.
        let worker = Arc::new(Mutex::new(Some(worker)));
        let (taken, parked) = (Arc::clone(&worker), parker.clone());
        let work = move || {
            if let Some(worker) = taken.lock().unwrap_or_else(PoisonError::into_inner).take() {
                span.in_scope(|| block_on_in(parked.as_ref(), worker.run()));
            }
        };
        let started = shared.control.spawn_thread(name, parker, Box::new(work));
        started.map_err(|error| Refused {
            error,
            withdraw: Box::new(move || {
                let calls = worker.lock().unwrap_or_else(PoisonError::into_inner).take();
                if let Some(worker) = calls.and_then(|mut calls| calls.worker.take()) {
                    worker.withdraw();
                }
            }),
        })
    }
}

/// Whether a worker may leave a sleeping consumer asleep while it is busy: on threads, where a wake-up is dear, and where
/// a timer makes up for it.
fn defers(opts: &Opts, control: &Control) -> bool {
    opts.kind == Kind::Block && !opts.pool && control.timers() && !control.time_is_virtual()
}

/// One worker and its function.
pub(super) struct Calls<W: Wiring> {
    worker: Option<Worker<W>>,
    calling: Arc<Calling<W>>,
    pub(super) shared: Arc<Shared<W>>,
    pub(super) intake: Intake<W>,
    pub(super) cx: Cx,
    pub(super) pace: Pace,
    pub(super) out: Held<ItemOut<W>>,
    /// What failed of the chunk, in order: it is sent on in one write.
    pub(super) failed: Held<Failure<W::Task>>,
    pub(super) tally: Tally,
    pub(super) defers: bool,
    owes_wake: bool,
    /// Whether it is counted among those that have nothing to do.
    free: bool,
    /// What holds a paused clock.
    parker: Option<Arc<Parker>>,
    next: Option<Next<W>>,
}

impl<W: Wiring> Pooled for Calls<W> {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.next = Some(ready!(self.poll_next(cx)));
        Poll::Ready(())
    }

    fn work(&mut self) -> bool {
        // Until now it has waited for a thread.
        self.intake.woke = None;
        let next = self.next.take();
        next.is_some_and(|next| block_on(self.turn(next)))
    }
}

impl<W: Wiring> Calls<W> {
    fn new(calling: Arc<Calling<W>>, place: usize) -> Self {
        let shared = &calling.shared;
        Self {
            worker: Some(shared.join()),
            shared: Arc::clone(shared),
            intake: Intake::new(Arc::clone(shared), place),
            cx: Cx::new(shared),
            pace: Pace::probed(),
            out: Held(Vec::new()),
            failed: Held(Vec::new()),
            tally: shared.tally(),
            defers: defers(&shared.opts, &shared.control),
            owes_wake: false,
            free: calling.places.counted(place),
            parker: None,
            next: None,
            calling,
        }
    }

    async fn run(mut self) {
        let tasks = self.shared.opts.kind == Kind::Tasks;
        loop {
            let next = poll_fn(|cx| self.poll_next(cx)).await;
            if !self.turn(next).await {
                break;
            }
            if tasks {
                tokio::task::coop::consume_budget().await;
            }
        }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Next<W>> {
        let want = self.pace.want(self.shared.most());
        let next = self.intake.poll_next(cx, want, true);
        let goes_on = matches!(next, Poll::Ready(Next::Batch { .. } | Next::Turns));
        if self.owes_wake && (!goes_on || self.pace.slow()) {
            self.owes_wake = false;
            self.shared.edge.wake_taker();
        }
        next
    }

    /// Whether there may be more to do.
    async fn turn(&mut self, next: Next<W>) -> bool {
        if !matches!(next, Next::End) && self.calling.places.works(&mut self.free) {
            grow(&self.calling);
        }
        if let Some(parker) = &self.parker {
            parker.touch();
        }
        match next {
            Next::Batch { seq, credits } => self.chunk(seq, credits).await,
            Next::Turns => self.turns().await,
            Next::Again(due) => {
                let (Carried { item, ticket }, key) = due.item;
                let entry = Entry::Again(item, due.attempt, due.entered);
                self.single(due.seq, key, entry, ticket, 1).await;
                self.shared.retries.resolved();
            }
            Next::End => {
                if let Some(worker) = self.worker.take() {
                    worker.finish(self.intake.resigned);
                }
                return false;
            }
        }
        self.calling.places.rests(&mut self.free);
        true
    }

    async fn chunk(&mut self, seq: u64, credits: usize) {
        let failed = self.intake.batch.failures.len();
        if failed > 0 {
            let failures = self.intake.batch.failed();
            self.shared.report(failures).await;
            self.intake.woke = None;
        }
        if self.shared.opts.single()
            && let Some(Carried { item, ticket }) = self.intake.batch.items.pop()
        {
            let (key, entry) = (W::Key::of(0), Entry::Fresh(item));
            self.single(seq, key, entry, ticket, credits).await;
            self.intake.batch.hold = None;
            return;
        }
        let mut items = std::mem::take(&mut self.intake.batch.items).into_iter();
        let count = items.len();
        self.pace.begin(self.shared.most(), self.intake.woke.take());
        while let Some((step, ticket)) = self.call_each(&mut items) {
            self.settle(seq, W::Key::of(0), step, ticket);
        }
        let cost = self.pace.end_of(count, count + failed);
        self.intake.rests = self.pace.ended();
        self.shared.probed(self.pace.probe());
        self.tally.resolved += count as u64;
        self.intake.batch.items = emptied(items);
        // Not within the measured time: a slow errors end is no slow stage.
        let kept = self.send_failures().await;
        self.intake.batch.hold = None;
        self.submit(seq, credits - kept, cost);
    }

    fn call_each(
        &mut self,
        items: &mut vec::IntoIter<ItemIn<W>>,
    ) -> Option<(StepOf<W>, W::Ticket)> {
        let calls = Called {
            out: &mut self.out,
            tally: &mut self.tally,
            first: self.shared.opts.stages.start,
            cx: &self.cx,
        };
        let (step, ticket) = self.calling.f.call_each(items, calls)?;
        let step = step.unwrap_or_else(|panicked| Step::Failed(self.shared.fell(panicked)));
        Some((step, ticket))
    }

    fn submit(&mut self, seq: u64, credits: usize, cost: Option<u64>) {
        let Self {
            shared, out, tally, ..
        } = self;
        self.cx.pour(&mut tally.arms);
        let deferred = shared
            .edge
            .submit(seq, out, credits, tally, cost, self.defers);
        self.leaves_asleep(deferred);
    }

    /// Results are handed in, and the consumer may have been left asleep.
    pub(super) fn leaves_asleep(&mut self, deferred: bool) {
        // Where it is not deferred, the consumer is woken, or does not sleep, or has nothing to take.
        self.owes_wake = deferred;
        if deferred {
            self.shared.deferred.notify_one();
        }
    }

    /// One item of a group that may try it again, or give up on a call that still runs.
    pub(super) async fn single(
        &mut self,
        seq: u64,
        key: W::Key,
        entry: Entry<W::In, W::Again>,
        ticket: W::Ticket,
        credits: usize,
    ) {
        let is_lost = ticket.is_lost(&mut Now::default());
        let scope = ticket.scope();
        self.cx.item(seq, ticket.into_ticket());
        self.pace.begin(1, self.intake.woke.take());
        let step = if is_lost {
            Step::Lost(self.shared.opts.main)
        } else {
            scope.within(|| self.called(entry))
        };
        let cost = self.pace.end(1);
        let ended = self.pace.ended();
        self.shared.probed(self.pace.probe());
        let ticket = W::Ticket::of_ticket(self.cx.ticket());
        self.intake.rests = ended.filter(|_| matches!(step, Step::Emit(_)));
        // What waits to be tried again keeps its key; a call that was left behind has had it until now.
        let returned = !matches!(step, Step::Again { .. });
        if self.settle(seq, key, step, ticket) {
            if !self.failed.is_empty() {
                self.report().await;
            }
            self.tally.resolved += 1;
            self.submit(seq, credits, cost);
        }
        if W::Key::KEYED && returned {
            self.intake.keyed.returned.push(key.hash());
        }
    }

    /// Calls the function for one item.
    pub(super) fn called(&self, entry: Entry<W::In, W::Again>) -> StepOf<W> {
        let called = self.calling.f.call(entry, &self.cx);
        called.unwrap_or_else(|panicked| self.fell(panicked))
    }
}
