//! A pipeline without an annotated stage: no task, no channel, the consumer runs it item by item.

use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use futures::task::AtomicWaker;

use super::{Emitted, Tail};
use crate::build::{Build, Group, Runs, Unbuffered, relay};
use crate::carry::{Carried, Carry};
use crate::control::{Close, Drain};
use crate::counts::Counts;
use crate::edge::{Held, Meter};
use crate::errors::{BoxFuture, Errors, Reporter};
use crate::failure::{Cause, Failure, StageInfo};
use crate::opts::Opts;
use crate::panics::message;
use crate::pipeline::Pipeline;
use crate::private::{Item, Portable};
use crate::source::{Fault, Input, Puller, SourceError};
use crate::stage::Cx;
use crate::step::{Entry, Never, Site, Step};

/// After how many items the counts are shown and other tasks may run.
const LOOK_UP: u32 = 64;

/// Runs fused stages where they are polled.
#[doc(hidden)]
pub struct Inline<P: Puller, F, O, Task> {
    puller: Option<P>,
    f: F,
    cx: Cx,
    errors: Arc<Errors<Task>>,
    stages: Vec<StageInfo>,
    sending: Option<BoxFuture<'static, ()>>,
    taken: u64,
    lost: u64,
    until_look: u32,
    shown: Arc<Shown>,
    drained: Arc<Drained>,
    out: PhantomData<fn() -> O>,
}

/// The counts as they were last shown: of the source, and of the stages.
struct Shown {
    counts: Mutex<(Counts, Counts)>,
}

impl Shown {
    fn lock(&self) -> MutexGuard<'_, (Counts, Counts)> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells the consumer that no more is to be taken in.
#[derive(Default)]
struct Drained {
    told: AtomicBool,
    consumer: AtomicWaker,
}

impl Drain for Drained {
    fn drain(&self) {
        self.told.store(true, Ordering::SeqCst);
        self.consumer.wake();
    }
}

impl Close for Drained {
    fn close(&self) {
        self.consumer.wake();
    }
}

struct OfSource(Arc<Shown>);
struct OfStages(Arc<Shown>);

impl Meter for OfSource {
    fn hold(&self) -> Box<dyn Held + '_> {
        Box::new(Copied(self.0.lock().0.clone()))
    }
}

impl Meter for OfStages {
    fn hold(&self) -> Box<dyn Held + '_> {
        Box::new(Copied(self.0.lock().1.clone()))
    }
}

/// Counts that are not locked: the consumer, who would change them, is the one who asks, or they differ by no more than
/// what it did meanwhile.
struct Copied(Counts);

impl Held for Copied {
    fn counts(&self) -> &Counts {
        &self.0
    }
}

/// Wires a pipeline of fused stages only.
pub fn inline<I: Input, O: Item, Task: Item, F>(
    input: I,
    site: &'static Site,
    f: F,
) -> Pipeline<O, Task, Inline<I::Puller, F, O, Task>>
where
    F: Fn(Entry<I::Item, Never>, &Cx) -> Step<O, Never, Task> + Portable,
{
    let mut build = Build::new();
    let errors = Arc::new(Errors::<Task>::new(Arc::clone(&build.control)));
    let puller = input.wire(&mut build, relay(&errors));
    let source = build.source(site, &puller);
    let count = site.stages.len();
    let shown = Arc::new(Shown {
        counts: Mutex::new((Counts::of(1), Counts::of(count))),
    });
    let of_source: Arc<dyn Meter> = Arc::new(OfSource(Arc::clone(&shown)));
    let group = |stages, kind, own| Group {
        stages,
        kind,
        main: 0,
        count: 1,
        workers: 1,
        own,
        timing: Arc::default(),
        per_credit: 1,
        bound: Arc::new(Unbuffered(usize::from(kind == Runs::Fused))),
        side: None,
        crew: None,
    };
    build
        .groups
        .push(group(vec![source], Runs::Source, of_source));
    let stages = build.stages(site, &Opts::tasks(0..count, 0));
    let of_stages = Arc::new(OfStages(Arc::clone(&shown)));
    build
        .groups
        .push(group(stages.clone(), Runs::Fused, of_stages));
    let stages = std::iter::once(source).chain(stages).collect();
    let drained = Arc::<Drained>::default();
    build.control.add_source(drained.clone());
    let tail = Inline {
        puller: Some(puller),
        f,
        cx: Cx::untimed(),
        errors: Arc::clone(&errors),
        stages,
        sending: None,
        taken: 0,
        lost: 0,
        until_look: LOOK_UP,
        shown,
        drained,
        out: PhantomData,
    };
    Pipeline {
        build,
        errors,
        tail,
        items: PhantomData,
    }
}

impl<P, F, O, Task> Inline<P, F, O, Task>
where
    P: Puller,
    O: Item,
    Task: Item,
    F: Fn(Entry<P::Item, Never>, &Cx) -> Step<O, Never, Task> + Portable,
{
    /// Shows the counts, and lets other tasks run now and then.
    #[cold]
    fn look_up(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.show();
        ready!(tokio::task::coop::poll_proceed(cx)).made_progress();
        self.until_look = LOOK_UP;
        if self.errors.stopped() {
            self.puller = None;
        }
        self.drain();
        Poll::Ready(())
    }

    /// Ends the source if it is to be drained; whether it is.
    #[cold]
    fn drain(&mut self) -> bool {
        let told = P::DRAINS && self.drained.told.load(Ordering::SeqCst);
        if told
            && let Some(puller) = &mut self.puller
            && !puller.drain()
        {
            self.puller = None;
        }
        told
    }

    fn show(&mut self) {
        let skipped = self.puller.as_mut().map_or(0, Puller::skipped);
        let (source, stages) = &mut *self.shown.lock();
        source.stages[0].filtered += skipped;
        source.handed = self.taken;
        source.emitted = self.taken;
        source.resolved = self.taken + source.stages[0].filtered + source.stages[0].failed;
        stages.resolved = self.taken;
        stages.emitted = self.taken - self.lost;
        stages.handed = stages.emitted;
    }

    #[cold]
    fn filtered(&mut self, stage: usize) {
        self.lost += 1;
        self.shown.lock().1.stages[stage].filtered += 1;
    }

    #[cold]
    fn failed(&mut self, mut failure: Failure<Task>, ticket: P::Ticket) {
        let stage = failure.stage.index;
        self.lost += 1;
        self.shown.lock().1.stages[stage].failed += 1;
        failure.stage = self.stages[stage + 1];
        failure.ticket = ticket.into_ticket().into();
        self.send(failure);
    }

    #[cold]
    fn fault(&mut self, Fault { error, last }: Fault) {
        if last {
            self.errors.source_broke(self.stages[0], error);
            self.puller = None;
        } else {
            self.shown.lock().0.stages[0].failed += 1;
            let mut failure = Failure::new(self.stages[0], Cause::Error(error.error));
            failure.origin = error.origin;
            self.send(failure);
        }
    }

    fn send(&mut self, failure: Failure<Task>) {
        let errors = Arc::clone(&self.errors);
        self.sending = Some(Box::pin(async move { errors.report(failure).await }));
    }

    /// Sends on what failed; whether the pipeline goes on.
    fn poll_sending(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(sending) = &mut self.sending {
            ready!(sending.as_mut().poll(cx));
            self.sending = None;
            if self.errors.stopped() {
                self.puller = None;
            }
        }
        Poll::Ready(())
    }

    /// Runs until an item comes out, or nothing can be done.
    #[inline]
    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Option<Carried<O, P::Ticket>>> {
        loop {
            if self.sending.is_some() {
                ready!(self.poll_sending(cx));
            }
            self.until_look -= 1;
            if self.until_look == 0 {
                ready!(self.look_up(cx));
            }
            let Some(puller) = &mut self.puller else {
                self.show();
                self.until_look = 1;
                return Poll::Ready(None);
            };
            let Carried { item, ticket } =
                match catch_unwind(AssertUnwindSafe(|| puller.poll_next(cx))) {
                    Ok(Poll::Ready(Some(Ok(carried)))) => carried,
                    Ok(Poll::Ready(Some(Err(fault)))) => {
                        self.fault(fault);
                        continue;
                    }
                    Ok(Poll::Ready(None)) => {
                        self.show();
                        self.puller = None;
                        continue;
                    }
                    Ok(Poll::Pending) => {
                        self.show();
                        self.until_look = LOOK_UP;
                        self.drained.consumer.register(cx.waker());
                        if self.drain() {
                            continue;
                        }
                        return Poll::Pending;
                    }
                    Err(panic) => {
                        let error = SourceError::new(format!("panicked: {}", message(&*panic)));
                        self.fault(Fault { error, last: true });
                        continue;
                    }
                };
            self.taken += 1;
            match (self.f)(Entry::Fresh(item), &self.cx) {
                Step::Emit(item) => return Poll::Ready(Some(Carried { item, ticket })),
                Step::Filtered(stage) => {
                    self.filtered(stage);
                    ticket.filtered();
                }
                Step::Failed(failure) => self.failed(failure, ticket),
                Step::Again { .. } | Step::Gone => {
                    unreachable!("no call of this group is retried or timed")
                }
            }
        }
    }
}

impl<P, F, O, Task> Tail for Inline<P, F, O, Task>
where
    P: Puller,
    O: Item,
    Task: Item,
    F: Fn(Entry<P::Item, Never>, &Cx) -> Step<O, Never, Task> + Portable,
{
    type Item = O;
    type Ticket = P::Ticket;

    #[inline]
    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Emitted<Self>>> {
        self.poll_step(cx)
    }

    fn poll_each(&mut self, cx: &mut Context<'_>, f: &mut dyn FnMut(Emitted<Self>)) -> Poll<()> {
        self.poll_each_inline(cx, f)
    }

    #[inline]
    fn poll_each_inline<G: FnMut(Emitted<Self>)>(
        &mut self,
        cx: &mut Context<'_>,
        mut f: G,
    ) -> Poll<()> {
        while let Some(item) = ready!(self.poll_step(cx)) {
            f(item);
        }
        Poll::Ready(())
    }
}
