//! A pipeline without an annotated stage: no task, no channel, the consumer runs it item by item.

mod outside;

use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use self::outside::{Drained, OfSource, OfStages, Shown};
use super::{Emitted, Tail};
use crate::bounds::BoxFuture;
use crate::bounds::Never;
use crate::bounds::{Item, Portable};
use crate::errors::{Errors, Reporter};
use crate::failure::{Cause, Failure};
use crate::flow::edge::Meter;
use crate::graph::{Crew, Graph, Group, Unbuffered};
use crate::guard::{self, Panicked};
use crate::measure::counts::Counts;
use crate::named::debug_by_name;
use crate::placed::Placed;
use crate::runs::Runs;
use crate::site::Site;
use crate::source::{AHEAD, Fault, Input, Puller, SourceError};
use crate::stage::Cx;
use crate::step::{Entry, Step};
use crate::ticket::{Carried, Carry, Now, Scope as _};

/// After how many items the counts are shown and other tasks may run.
const LOOK_UP: u32 = 64;

/// Runs fused stages where they are polled.
#[doc(hidden)]
pub struct Inline<P: Puller, F, O, Task> {
    puller: Option<P>,
    f: F,
    cx: Cx,
    pub(crate) errors: Arc<Errors<Task>>,
    stages: Arc<Placed>,
    sending: Option<BoxFuture<'static, ()>>,
    taken: u64,
    failed: u64,
    /// By each stage.
    filtered: Vec<u64>,
    /// What [`Self::until_look`] began with.
    allowed: u32,
    until_look: u32,
    /// What came instead of an output and is still to be seen to.
    aside: Option<Other<P::Ticket, Task>>,
    shown: Arc<Shown>,
    drained: Arc<Drained>,
    out: PhantomData<fn() -> O>,
}

debug_by_name!(Inline<P: Puller, F, O, Task>);

/// Wires a pipeline of fused stages only.
pub(crate) fn inline<I: Input, O: Item, Task: Item, F>(
    input: I,
    site: &'static Site,
    f: F,
) -> (Graph, Inline<I::Puller, F, O, Task>)
where
    F: Fn(Entry<I::Item, Never>, &Cx) -> Step<O, Never, Task> + Portable,
{
    let graph = Graph::of(site);
    let errors = Arc::new(Errors::<Task>::new(graph.control()));
    let puller = input.wire(&graph, errors.relay());
    let first = (!I::Puller::STANDS_FOR_OTHERS).then(|| graph.source(puller.name()));
    let scope = graph.scope(site, None);
    let count = site.stages.len();
    let shown = Arc::new(Shown {
        counts: Mutex::new((Counts::of(1), Counts::of(count).with_arms(site.arms()))),
    });
    let of_source: Arc<dyn Meter> = Arc::new(OfSource(Arc::clone(&shown)));
    let group = |stages, metas, kind, inputs, own, most| Group {
        beside: None,
        stages,
        metas,
        kind,
        main: 0,
        count: 1,
        inputs,
        own,
        timing: Arc::default(),
        per_credit: 1,
        bound: Arc::new(Unbuffered(most)),
        state: None,
        side: None,
        crew: Crew::of(1),
        resize: None,
    };
    let (mut inputs, mut most) = (graph.leaving(), 1);
    if let Some(source) = first {
        let source = group(vec![source], &[], Runs::Source, inputs, of_source, 0);
        inputs = vec![source.arrow()];
        graph.push(source);
    } else {
        most += AHEAD;
    }
    let (stages, own) = (
        scope.stages(0..count),
        Arc::new(OfStages(Arc::clone(&shown))),
    );
    let fused = group(stages.clone(), site.stages, Runs::Inline, inputs, own, most);
    graph.ends_in(vec![fused.arrow()]);
    graph.push(fused);
    graph.lock().brings_messages |= I::Puller::BRINGS_MESSAGES;
    let source = graph.lock().source.clone().unwrap_or_default();
    let stages = std::iter::once(source).chain(stages).collect();
    let stages = graph.lock().placed(stages);
    let drained = Arc::new(Drained {
        is_link: I::Puller::IS_LINK,
        ..Drained::default()
    });
    graph.control().add_source(drained.clone());
    let tail = Inline {
        puller: Some(puller),
        f,
        cx: Cx::untimed(),
        errors,
        stages,
        sending: None,
        taken: 0,
        failed: 0,
        filtered: vec![0; count],
        allowed: 1,
        until_look: 1,
        aside: None,
        shown,
        drained,
        out: PhantomData,
    };
    (graph, tail)
}

impl<P, F, O, Task> Inline<P, F, O, Task>
where
    P: Puller,
    O: Item,
    Task: Item,
    F: Fn(Entry<P::Item, Never>, &Cx) -> Step<O, Never, Task> + Portable,
{
    /// Nothing more is taken in.
    #[cold]
    #[inline(never)]
    fn end(&mut self) {
        guard::let_go_of(self.puller.take());
    }

    /// Shows the counts, and lets other tasks run now and then.
    #[cold]
    fn look_up(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.show();
        ready!(tokio::task::coop::poll_proceed(cx)).made_progress();
        self.allow(LOOK_UP);
        if self.errors.stopped() {
            self.end();
        }
        if !self.drain() && self.is_paused(cx) {
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    /// Whether nothing is taken in for now: then the consumer waits, and looks here first when it is woken.
    #[cold]
    fn is_paused(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(puller) = self.puller.as_mut().filter(|_| P::PAUSES) else {
            return false;
        };
        // Acquire: see `Drained::drain`. What an inner pipeline still has comes out at a drain.
        let is = |told: &AtomicBool| told.load(Ordering::Acquire);
        let paused = || is(&self.drained.paused) && !is(&self.drained.told);
        if !paused() {
            return false;
        }
        self.drained.consumer.register(cx.waker());
        if !paused() {
            return false;
        }
        guard::quietly(|| puller.pause());
        self.allow(1);
        true
    }

    /// Ends the source if it is to be drained; whether it is.
    #[cold]
    fn drain(&mut self) -> bool {
        // Acquire: see `Drained`.
        let told = P::DRAINS && self.drained.told.load(Ordering::Acquire);
        if told
            && let Some(puller) = &mut self.puller
            && !guard::call(|| puller.drain()).unwrap_or_default()
        {
            self.end();
        }
        told
    }

    fn show(&mut self) {
        self.allow(self.until_look);
        let skipped = self.puller.as_mut().map_or(0, Puller::skipped);
        let (source, stages) = &mut *self.shown.lock();
        source.stages[0].filtered += skipped;
        source.handed = self.taken;
        source.emitted = self.taken;
        source.resolved = self.taken + source.stages[0].filtered + source.stages[0].failed;
        for (own, shown) in self.filtered.iter().zip(&mut stages.stages) {
            shown.filtered = *own;
        }
        let filtered: u64 = self.filtered.iter().sum();
        self.cx.pour(&mut stages.arms);
        stages.resolved = self.taken;
        stages.emitted = self.taken - self.failed - filtered;
        stages.handed = stages.emitted;
    }

    #[cold]
    fn failed(&mut self, mut failure: Failure<Task>, ticket: P::Ticket) {
        let stage = failure.0.number;
        self.failed += 1;
        self.shown.lock().1.stages[stage].failed += 1;
        failure.0.stage = self.stages.get(stage + 1).clone();
        failure.0.ticket = ticket.into_ticket().into();
        self.send(failure);
    }

    #[cold]
    fn fault(&mut self, Fault { error, last }: Fault) {
        if last {
            self.errors.source_broke(self.stages.get(0).clone(), error);
            self.end();
        } else {
            self.shown.lock().0.stages[0].failed += 1;
            let source = self.puller.as_mut().and_then(Puller::failed);
            let source = source.unwrap_or_else(|| self.stages.get(0).clone());
            let failure = Failure::of_source(source, error);
            self.send(failure);
        }
    }

    fn send(&mut self, failure: Failure<Task>) {
        let errors = Arc::clone(&self.errors);
        self.sending = Some(Box::pin(async move { errors.report(vec![failure]).await }));
        self.allow(1);
    }

    /// Counts what was taken, and allows `items` more, less one, until it looks up.
    fn allow(&mut self, items: u32) {
        self.taken += u64::from(self.allowed - self.until_look);
        self.allowed = items;
        self.until_look = items;
    }

    /// Sends on what failed; whether the pipeline goes on.
    fn poll_sending(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(sending) = &mut self.sending {
            ready!(sending.as_mut().poll(cx));
            self.sending = None;
            if self.errors.stopped() {
                self.end();
            }
        }
        Poll::Ready(())
    }

    /// Runs until `take` has enough outputs, or something else came than an output, which is set aside for
    /// [`Inline::see_to`]. There is no wait in it, and all that is rare is called from it, so that what it works with
    /// stays in registers, and it in its caller.
    #[expect(
        clippy::inline_always,
        reason = "else a chain of stages that is a little longer costs half as much again"
    )]
    #[inline(always)]
    fn run(
        &mut self,
        cx: &mut Context<'_>,
        mut take: impl FnMut(Carried<O, P::Ticket>) -> ControlFlow<()>,
    ) {
        let Self {
            puller: Some(puller),
            aside,
            ..
        } = self
        else {
            return;
        };
        let mut left = self.until_look;
        loop {
            if left <= 1 {
                break;
            }
            let asked = guard::call(|| puller.poll_next(cx));
            // Arm by arm: what came stays in registers, which it would not if it were passed on as a whole.
            let Carried { item, ticket } = match asked {
                Ok(Poll::Ready(Some(Ok(carried)))) => carried,
                Ok(Poll::Ready(Some(Err(fault)))) => break set_aside(aside, Other::Fault(fault)),
                Ok(Poll::Ready(None)) => break set_aside(aside, Other::End),
                Ok(Poll::Pending) => break set_aside(aside, Other::Pending),
                Err(panic) => break set_aside(aside, Other::Panic(panic)),
            };
            left -= 1;
            // The clock is read for each: the calls may take long, and a process may be stopped between two.
            if ticket.is_lost(&mut Now::default()) {
                break set_aside(aside, Other::Lost(ticket));
            }
            let scope = ticket.scope();
            match scope.within(|| guard::call(|| (self.f)(Entry::Fresh(item), &self.cx))) {
                Ok(Step::Emit(item)) => {
                    if take(Carried { item, ticket }).is_break() {
                        break;
                    }
                }
                Ok(Step::Filtered(stage)) => {
                    self.filtered[stage] += 1;
                    ticket.filtered();
                }
                Ok(Step::Failed(failure)) => {
                    break set_aside(aside, Other::Failed(failure, ticket));
                }
                Err(panicked) => break set_aside(aside, Other::Fell(panicked, ticket)),
                Ok(Step::Again { .. } | Step::Gone | Step::AlreadyDone(_) | Step::Lost(_)) => {
                    unreachable!("no call of this group is retried or timed")
                }
            }
        }
        self.until_look = left;
    }

    /// Sees to what is no output; `Break` where the consumer has to wait, or there is nothing more.
    #[cold]
    #[inline(never)]
    fn see_to(&mut self, cx: &mut Context<'_>) -> ControlFlow<Poll<()>> {
        match self.aside.take() {
            None if self.sending.is_some() => {
                if self.poll_sending(cx).is_pending() {
                    return ControlFlow::Break(Poll::Pending);
                }
            }
            None if self.puller.is_none() => {
                self.show();
                return ControlFlow::Break(Poll::Ready(()));
            }
            None => {
                if self.look_up(cx).is_pending() {
                    return ControlFlow::Break(Poll::Pending);
                }
            }
            Some(Other::Fault(fault)) => self.fault(fault),
            Some(Other::End) => {
                self.show();
                self.end();
            }
            Some(Other::Pending) => {
                self.show();
                self.allow(LOOK_UP);
                self.drained.consumer.register(cx.waker());
                if !self.drain() {
                    self.is_paused(cx);
                    return ControlFlow::Break(Poll::Pending);
                }
            }
            Some(Other::Panic(panic)) => {
                let error = SourceError::new(panic);
                self.fault(Fault { error, last: true });
            }
            Some(Other::Failed(failure, ticket)) => self.failed(failure, ticket),
            Some(Other::Fell(panicked, ticket)) => {
                let cause = Cause::Panic(panicked.into_message());
                let mut failure = Failure::new(self.stages.get(0).clone(), cause);
                failure.0.attempts = 1;
                self.failed(failure, ticket);
            }
            Some(Other::Lost(ticket)) => {
                self.filtered[0] += 1;
                self.shown.lock().1.stages[0].lost += 1;
                ticket.lost();
            }
        }
        ControlFlow::Continue(())
    }
}

#[cold]
#[inline(never)]
fn set_aside<K, Task>(aside: &mut Option<Other<K, Task>>, other: Other<K, Task>) {
    *aside = Some(other);
}

/// What came instead of an output.
enum Other<K, Task> {
    /// The source has nothing yet.
    Pending,
    /// The source has ended.
    End,
    Fault(Fault),
    /// The source panicked.
    Panic(Panicked),
    Failed(Failure<Task>, K),
    /// The item, or a part of it, panicked when it was dropped.
    Fell(Panicked, K),
    /// The item is somebody else's by now.
    Lost(K),
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
    const HOLDS_NOTHING: bool = true;

    fn pause(&mut self) {
        if let Some(puller) = &mut self.puller {
            guard::quietly(|| puller.pause());
        }
    }

    #[expect(clippy::inline_always, reason = "see `run`")]
    #[inline(always)]
    fn ready(&mut self, cx: &mut Context<'_>) -> Option<Emitted<Self>> {
        let mut item = None;
        self.run(cx, |emitted| {
            item = Some(emitted);
            ControlFlow::Break(())
        });
        item
    }

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Emitted<Self>>> {
        loop {
            // What was set aside when nothing was ready is seen to before anything more is asked for.
            if self.aside.is_none()
                && let Some(item) = self.ready(cx)
            {
                return Poll::Ready(Some(item));
            }
            if let ControlFlow::Break(ended) = self.see_to(cx) {
                return ended.map(|()| None);
            }
        }
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
        loop {
            self.run(cx, |emitted| {
                f(emitted);
                ControlFlow::Continue(())
            });
            if let ControlFlow::Break(ended) = self.see_to(cx) {
                return ended;
            }
        }
    }
}
