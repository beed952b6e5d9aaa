//! Groups whose functions are called in a worker's own thread or task.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use tracing::Instrument;

use super::intake::{Intake, Next, Pace};
use super::park::block_on;
use super::retries::Due;
use super::shared::{Shared, Worker};
use super::watch::Cx;
use crate::build::{Crew, Port};
use crate::carry::{Carried, Carry};
use crate::counts::Tally;
use crate::opts::{Kind, Opts};
use crate::private::{Item, Portable};
use crate::pushing::Pushing;
use crate::step::{Entry, Never, Step};

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
    let (shared, mut next) = Shared::<T, M, O, Task, K>::wire(port, opts, false);
    let crew = Arc::new(Calling {
        shared: Arc::clone(&shared),
        f,
        started: Mutex::new(0),
    });
    if let Some(group) = next.build.groups.last_mut() {
        let crew: Weak<dyn Crew> = Arc::downgrade(&(crew.clone() as Arc<dyn Crew>));
        group.crew = Some(crew);
    }
    next.build.starts.push(Box::new(move |control| {
        if defers(&shared.opts) {
            let ticker = control.spawn(Arc::clone(&shared).make_up());
            let _ = shared.ticker.set(ticker);
        }
        crew.set(shared.opts.count);
    }));
    next
}

/// The workers of one group, started one by one.
struct Calling<T: Item, M: Item, O: Item, Task: Item, K: Carry, F> {
    shared: Arc<Shared<T, M, O, Task, K>>,
    f: F,
    started: Mutex<usize>,
}

impl<T: Item, M: Item, O: Item, Task: Item, K: Carry, F> Crew for Calling<T, M, O, Task, K, F>
where
    F: Fn(Entry<T, M>, &Cx) -> Step<O, M, Task> + Portable,
{
    fn set(self: Arc<Self>, count: usize) {
        self.shared.feed.workers(count);
        self.shared.edge.set_permits(count);
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        for place in *started..count {
            self.start(place);
        }
        *started = (*started).max(count);
    }
}

impl<T: Item, M: Item, O: Item, Task: Item, K: Carry, F> Calling<T, M, O, Task, K, F>
where
    F: Fn(Entry<T, M>, &Cx) -> Step<O, M, Task> + Portable,
{
    fn start(self: &Arc<Self>, place: usize) {
        let shared = &self.shared;
        let mut worker = Calls::new(Arc::clone(self), place);
        let span = shared.span();
        match (shared.opts.kind, shared.opts.pool) {
            (Kind::Block, false) => {
                let name = shared.main().name.to_owned();
                let work = move || span.in_scope(|| block_on(worker.run()));
                shared.thread_started(shared.control.spawn_thread(name, work));
            }
            (Kind::Block, true) => {
                shared.control.spawn(worker.run_in_pool().instrument(span));
            }
            _ => {
                shared
                    .control
                    .spawn(async move { worker.run().await }.instrument(span));
            }
        }
    }
}

/// Whether a worker may leave a sleeping consumer asleep while it is busy: on threads, where a wake-up is dear.
fn defers(opts: &Opts) -> bool {
    opts.kind == Kind::Block && !opts.pool
}

/// Where a chunk was interrupted: the step that is no output, its item's ticket, and the items behind it.
type Interrupted<T, M, O, Task, K> = (Step<O, M, Task>, K, Vec<Carried<T, K>>);

/// One worker and its function.
struct Calls<T: Item, M: Item, O: Item, Task: Item, K: Carry, F> {
    worker: Option<Worker<T, M, O, Task, K>>,
    crew: Arc<Calling<T, M, O, Task, K, F>>,
    shared: Arc<Shared<T, M, O, Task, K>>,
    intake: Intake<T, M, O, Task, K>,
    cx: Cx,
    pace: Pace,
    out: Vec<Carried<O, K>>,
    tally: Tally,
    defers: bool,
    owes_wake: bool,
}

impl<T: Item, M: Item, O: Item, Task: Item, K: Carry, F> Calls<T, M, O, Task, K, F>
where
    F: Fn(Entry<T, M>, &Cx) -> Step<O, M, Task> + Portable,
{
    fn new(crew: Arc<Calling<T, M, O, Task, K, F>>, place: usize) -> Self {
        let shared = &crew.shared;
        Self {
            worker: Some(shared.join()),
            shared: Arc::clone(shared),
            intake: Intake::new(Arc::clone(shared), place),
            cx: Cx::new(shared),
            pace: Pace::new(),
            out: Vec::new(),
            tally: shared.tally(),
            defers: defers(&shared.opts),
            owes_wake: false,
            crew,
        }
    }

    async fn run(&mut self) {
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

    /// Waits in a task and works on the blocking pool, whose slot it gives back when idle.
    async fn run_in_pool(mut self) {
        loop {
            let next = poll_fn(|cx| self.poll_next(cx)).await;
            let worked = tokio::task::spawn_blocking(move || {
                let mut more = block_on(self.turn(next));
                let mut cx = Context::from_waker(Waker::noop());
                while more {
                    let Poll::Ready(next) = self.poll_next(&mut cx) else {
                        return Some(self);
                    };
                    more = block_on(self.turn(next));
                }
                None
            });
            match worked.await {
                Ok(Some(worker)) => self = worker,
                // A panic, or the end of the runtime, has dropped the worker, which has stopped the pipeline.
                Ok(None) | Err(_) => return,
            }
        }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Next<M, K>> {
        let want = self.pace.want(self.shared.most());
        let next = self.intake.poll_next(cx, want, true);
        if self.owes_wake && (!matches!(next, Poll::Ready(Next::Batch { .. })) || self.pace.slow())
        {
            self.owes_wake = false;
            self.shared.edge.wake_taker();
        }
        next
    }

    /// Whether there may be more to do.
    async fn turn(&mut self, next: Next<M, K>) -> bool {
        match next {
            Next::Batch { seq, credits } => self.chunk(seq, credits).await,
            Next::Again(Due { seq, item, attempt }) => {
                let Carried { item, ticket } = item;
                self.single(seq, Entry::Again(item, attempt), ticket, 1)
                    .await;
                self.shared.retries.resolved();
            }
            Next::End => {
                if let Some(worker) = self.worker.take() {
                    worker.finish();
                }
                return false;
            }
        }
        true
    }

    async fn chunk(&mut self, seq: u64, credits: usize) {
        if !self.intake.batch.failures.is_empty() {
            self.shared
                .source_failed(&mut self.intake.batch.failures)
                .await;
        }
        if self.shared.opts.single()
            && let Some(Carried { item, ticket }) = self.intake.batch.items.pop()
        {
            self.single(seq, Entry::Fresh(item), ticket, credits).await;
            self.intake.batch.hold = None;
            return;
        }
        let mut items = std::mem::take(&mut self.intake.batch.items);
        let count = items.len();
        self.pace.begin(self.shared.most());
        if let Some((step, ticket, rest)) = self.calls(&mut items) {
            self.settle(seq, step, ticket).await;
            let mut rest = rest.into_iter();
            while let Some((step, ticket)) = self.call_each(&mut rest) {
                self.settle(seq, step, ticket).await;
            }
        }
        let cost = self.pace.end(count);
        self.tally.resolved += count as u64;
        self.intake.batch.items = items;
        self.intake.batch.hold = None;
        self.submit(seq, credits, cost);
    }

    /// Calls the function for all `items`, up to the first of which something else came than an output: that, and the
    /// items behind it.
    fn calls(&mut self, items: &mut Vec<Carried<T, K>>) -> Option<Interrupted<T, M, O, Task, K>> {
        let mut items = items.drain(..);
        self.call_each(&mut items)
            .map(|(step, ticket)| (step, ticket, items.collect()))
    }

    /// The hot loop: no wait in it, so that what it works with stays in registers.
    #[inline]
    fn call_each(
        &mut self,
        items: &mut impl Iterator<Item = Carried<T, K>>,
    ) -> Option<(Step<O, M, Task>, K)> {
        let Self {
            crew,
            cx,
            out,
            tally,
            shared,
            ..
        } = self;
        let (mut done, mut other) = (Pushing::with_room(out, items.size_hint().0), None);
        for Carried { item, ticket } in items {
            match (crew.f)(Entry::Fresh(item), cx) {
                Step::Emit(item) => {
                    done.push(Carried { item, ticket });
                }
                Step::Filtered(stage) => {
                    tally.stages[shared.row(stage)].filtered += 1;
                    ticket.filtered();
                }
                step => {
                    other = Some((step, ticket));
                    break;
                }
            }
        }
        other
    }

    fn submit(&mut self, seq: u64, credits: usize, cost: Option<u64>) {
        let Self {
            shared, out, tally, ..
        } = self;
        let deferred = shared
            .edge
            .submit(seq, out, credits, tally, cost, self.defers);
        if deferred && !std::mem::replace(&mut self.owes_wake, true) {
            shared.deferred.notify_one();
        }
    }

    /// One item of a group that may try it again, or give up on a call that still runs.
    async fn single(&mut self, seq: u64, entry: Entry<T, M>, ticket: K, credits: usize) {
        self.cx.item(seq, ticket.into_ticket());
        self.pace.begin(1);
        let step = (self.crew.f)(entry, &self.cx);
        let cost = self.pace.end(1);
        let ticket = K::of_ticket(self.cx.ticket());
        if self.settle(seq, step, ticket).await {
            self.tally.resolved += 1;
            self.submit(seq, credits, cost);
        }
    }

    /// Whether the item is resolved: if it waits for another attempt, or its deadline has resolved it, its credit is
    /// not this worker's any more.
    async fn settle(&mut self, seq: u64, step: Step<O, M, Task>, ticket: K) -> bool {
        match step {
            Step::Emit(item) => self.out.push(Carried { item, ticket }),
            Step::Filtered(stage) => {
                self.tally.stages[self.shared.row(stage)].filtered += 1;
                ticket.filtered();
            }
            Step::Failed(failure) => {
                let row = self.shared.failed(failure, ticket).await;
                self.tally.stages[row].failed += 1;
            }
            Step::Again {
                item,
                attempt,
                delay,
            } => {
                self.tally.stages[self.shared.row(self.shared.opts.main)].retries += 1;
                let item = Carried { item, ticket };
                self.shared.again(Due { seq, item, attempt }, delay);
                return false;
            }
            Step::Gone => return false,
        }
        true
    }
}
