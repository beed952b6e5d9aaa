//! `stateful`: what comes of an item depends on those before it.

use std::future::poll_fn;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::task::Poll;

use super::behind::{Behind, guarded};
use super::deadline::Cx;
use super::intake::{Intake, Next};
use super::shared::Shared;
use super::wiring::{Final, ItemOut, Wiring};
use crate::bounds::{Item, Never, Portable};
use crate::failure::Failure;
use crate::flow::edge::Bound;
use crate::graph::{Group, Keeps, Opts, Port, StateBound};
use crate::guard::{self, Going, Held, Panicked};
use crate::measure::pace::Pace;
use crate::run::idle::Flushed;
use crate::step::{Entry, Step};
use crate::ticket::{Carried, Carry, Now, Scope as _};

/// The most outputs of one item for which room is made at once.
const MOST: usize = 1024;

/// The functions of the form.
struct Steps<I, S, E> {
    /// Makes a state.
    init: I,
    /// Takes an item.
    step: S,
    /// Takes the state.
    end: E,
}

/// Wires a `stateful` and the pure stages behind it. `held` bounds the tickets that wait for an output.
pub fn stateful<T: Item, M: Item, O: Item, Task: Item, K: Carry, State, I, S, E, A, B, F>(
    port: Port<T, Task, K>,
    opts: Opts,
    held: Option<usize>,
    init: I,
    step: S,
    end: E,
    post: F,
) -> Port<O, Task, K>
where
    State: Item,
    I: FnMut() -> Step<State, Never, Task> + Send + 'static,
    S: FnMut(&mut State, T) -> Step<A, Never, Task> + Send + 'static,
    E: FnMut(State) -> Step<B, Never, Task> + Send + 'static,
    A: Iterator<Item = M> + Send + 'static,
    B: Iterator<Item = M> + Send + 'static,
    F: Fn(Entry<M, Never>, &Cx) -> Step<O, Never, Task> + Portable,
{
    // One worker, whose outputs have no numbers: they are emitted as it hands them in.
    let (shared, group, next) = Shared::<Final<T, O, Task, K>>::wire(port, opts.unordered(), false);
    shared.edge.rebound(|bound| Bound { extra: 1, ..bound });
    if held == Some(0) {
        let rule = "at least 1 delivery may wait for an output";
        next.graph
            .lock()
            .invalid(group.main(), "held", "0 held", rule);
    }
    next.graph.push(Group {
        state: held.map(|held| Keeps {
            bound: StateBound::Held(held),
            items: 0,
        }),
        ..group
    });
    next.graph.on_start(move |control| {
        let span = shared.span();
        let stepping = Stepping {
            behind: Behind::new(&shared, post),
            intake: Intake::new(Arc::clone(&shared), 0),
            pace: Pace::probed(),
            shared,
            state: Kept(None),
            held: Vec::new(),
            most: held.unwrap_or(usize::MAX),
            steps: Steps { init, step, end },
            out: Held(Vec::new()),
            waited: false,
            resolved: 0,
            flushed: control.idle().flushed(),
        };
        control.spawn_in(span, Box::pin(stepping.run()));
    });
    next
}

/// A state, which is the user's and is let go as such.
struct Kept<S>(Option<S>);

impl<S> Drop for Kept<S> {
    fn drop(&mut self) {
        let state = self.0.take();
        guard::quietly(|| drop(state));
    }
}

struct Stepping<W: Wiring, State, F, Fs> {
    behind: Behind<W, F>,
    shared: Arc<Shared<W>>,
    intake: Intake<W>,
    pace: Pace,
    /// There is none before its first item.
    state: Kept<State>,
    /// The tickets of items that had no output: they go along with the next one.
    held: Vec<W::Ticket>,
    most: usize,
    steps: Fs,
    /// Of items with one output, which takes the place of its item.
    out: Held<ItemOut<W>>,
    /// How many items these were, and those without an output: so many credits are to be given back.
    resolved: usize,
    /// Whether it has waited for room in this chunk, so that its time says nothing.
    waited: bool,
    flushed: Flushed,
}

/// Nobody wants more: what is left is let go.
const GONE: ControlFlow<()> = ControlFlow::Break(());

impl<W, State, M, F, I, S, E, A, B> Stepping<W, State, F, Steps<I, S, E>>
where
    W: Wiring<Again = Never>,
    M: Item,
    State: Item,
    I: FnMut() -> Step<State, Never, W::Task> + Send + 'static,
    S: FnMut(&mut State, W::In) -> Step<A, Never, W::Task> + Send + 'static,
    E: FnMut(State) -> Step<B, Never, W::Task> + Send + 'static,
    A: Iterator<Item = M> + Send + 'static,
    B: Iterator<Item = M> + Send + 'static,
    F: Fn(Entry<M, Never>, &Cx) -> Step<W::Out, Never, W::Task> + Portable,
{
    async fn run(mut self) {
        self.behind.tally.stages[0].emitted = Some(0);
        let _ = self.work().await;
        self.behind.finish();
    }

    async fn work(&mut self) -> ControlFlow<()> {
        loop {
            let want = self.pace.want(self.shared.most());
            let is_open = self.state.0.is_some();
            let next = poll_fn(|cx| match self.intake.poll_next(cx, want, true) {
                Poll::Ready(next) => Poll::Ready(Some(next)),
                Poll::Pending if is_open => self.flushed.poll(cx).map(|()| None),
                Poll::Pending => Poll::Pending,
            })
            .await;
            match next {
                Some(Next::Batch { credits, .. }) => self.chunk(credits).await?,
                Some(Next::End) if self.shared.control.stopped() => return GONE,
                // It has no keys.
                Some(Next::End | Next::Turns) => return self.end().await,
                Some(Next::Again(due)) => match due.item.0.item {},
                None => {
                    // What it holds while it waits for items is needed for the outputs.
                    self.intake.step_back();
                    self.end().await?;
                }
            }
            tokio::task::coop::consume_budget().await;
        }
    }

    async fn chunk(&mut self, credits: usize) -> ControlFlow<()> {
        let failures = self.intake.batch.failed();
        self.shared.report(failures).await;
        let mut items = Going::of(std::mem::take(&mut self.intake.batch.items));
        self.pace.begin(self.shared.most(), self.intake.woke.take());
        self.waited = false;
        let mut count = 0;
        for Carried { item, ticket } in items.by_ref() {
            count += 1;
            self.step(item, ticket).await?;
        }
        let mut cost = None;
        if !self.waited {
            cost = self.pace.end(count);
            self.intake.rests = self.pace.ended();
            self.shared.probed(self.pace.probe());
        }
        self.intake.batch.hold = None;
        self.resolved += credits - count;
        self.submit(cost);
        ControlFlow::Continue(())
    }

    /// Hands in what takes the places of items.
    fn submit(&mut self, cost: Option<u64>) {
        let credits = std::mem::take(&mut self.resolved);
        let (out, tally) = (&mut *self.out, &mut self.behind.tally);
        self.shared.edge.submit(0, out, credits, tally, cost, false);
    }

    async fn step(&mut self, item: W::In, ticket: W::Ticket) -> ControlFlow<()> {
        if ticket.is_lost(&mut Now::default()) {
            self.resolved += 1;
            self.behind.lose(ticket);
            return ControlFlow::Continue(());
        }
        match ticket.scope().within(|| self.stepped(item)) {
            Ok(outputs) => {
                self.behind.tally.resolved += 1;
                self.outputs(outputs, Some(ticket)).await?;
            }
            Err(failure) => {
                self.resolved += 1;
                self.behind.fail(failure, ticket).await;
            }
        }
        if self.held.len() > self.most {
            self.behind.tally.stages[0].evicted += 1;
            self.end().await?;
        }
        ControlFlow::Continue(())
    }

    fn stepped(&mut self, item: W::In) -> Result<A, Failure<W::Task>> {
        let Steps { init, step, .. } = &mut self.steps;
        let state = match &mut self.state.0 {
            Some(state) => state,
            none => none.insert(guarded(&self.shared, init)?),
        };
        guarded(&self.shared, || step(state, item))
    }

    /// The state comes to its end; the next item begins another one.
    async fn end(&mut self) -> ControlFlow<()> {
        let Some(state) = self.state.0.take() else {
            return ControlFlow::Continue(());
        };
        match guarded(&self.shared, || (self.steps.end)(state)) {
            Ok(outputs) => self.outputs(outputs, None).await,
            Err(failure) => {
                let ticket = self.joined(None);
                self.behind.failed(failure, ticket).await;
                self.submit(None);
                ControlFlow::Continue(())
            }
        }
    }

    /// The ticket of outputs: of all that is held, and of the item that they are of.
    fn joined(&mut self, of_item: Option<W::Ticket>) -> W::Ticket {
        match of_item {
            Some(ticket) if self.held.is_empty() => ticket,
            of_item => {
                let mut tickets = std::mem::take(&mut self.held);
                tickets.extend(of_item);
                W::Ticket::join(tickets)
            }
        }
    }

    /// Hands on what an item came to, or a state at its end.
    async fn outputs<X>(&mut self, outputs: X, of_item: Option<W::Ticket>) -> ControlFlow<()>
    where
        X: Iterator<Item = M> + Send,
    {
        let (mut outputs, is_alone) = (Outputs(Some(outputs)), of_item.is_none());
        let (first, ticket) = match (outputs.next(), of_item) {
            (Ok(Some(first)), of_item) => (first, self.joined(of_item)),
            (Ok(None), Some(mut ticket)) => {
                self.resolved += 1;
                if ticket.as_ticket().is_some_and(|ticket| !ticket.is_null()) {
                    ticket.leave_order(&mut Vec::new());
                    // What the state has of it is the program's own.
                    ticket.unload();
                    self.held.push(ticket);
                }
                return ControlFlow::Continue(());
            }
            (Ok(None), None) => {
                let held = std::mem::take(&mut self.held);
                held.into_iter().for_each(Carry::filtered);
                self.submit(None);
                return ControlFlow::Continue(());
            }
            (Err(panicked), of_item) => {
                self.resolved += usize::from(!is_alone);
                let ticket = of_item.unwrap_or_else(|| self.joined(None));
                self.behind.failed(self.shared.fell(panicked), ticket).await;
                self.submit(None);
                return ControlFlow::Continue(());
            }
        };
        let second = outputs.next();
        if let (Ok(None), false) = (&second, is_alone) {
            let output = self.behind.passed(first, ticket).await;
            self.out.extend(output);
            self.resolved += 1;
            return ControlFlow::Continue(());
        }
        self.submit(None);
        self.waited = true;
        if is_alone && self.behind.credit().await.is_err() {
            return GONE;
        }
        self.several(first, second, outputs, ticket).await
    }

    /// Hands on outputs that one credit is not enough for, one by one as there is room.
    async fn several<X>(
        &mut self,
        mut item: M,
        mut next: Result<Option<M>, Panicked>,
        mut outputs: Outputs<X>,
        mut ticket: W::Ticket,
    ) -> ControlFlow<()>
    where
        X: Iterator<Item = M> + Send,
    {
        let (shared, mut room, mut want) = (Arc::clone(&self.shared), 0, 1);
        let mut ready = Held(Vec::new());
        loop {
            let part = match next {
                Ok(None) => std::mem::take(&mut ticket),
                _ => ticket.part(),
            };
            if let Some(output) = self.behind.passed(item, part).await {
                if room == 0 {
                    want = (2 * want).min(MOST);
                    let tally = &mut self.behind.tally;
                    let granted =
                        poll_fn(|cx| shared.edge.poll_emit(0, cx, &mut ready, want, tally)).await;
                    let Ok(granted) = granted else {
                        return GONE;
                    };
                    room = granted;
                }
                room -= 1;
                ready.push(output);
            }
            match next {
                Ok(Some(following)) => {
                    item = following;
                    next = outputs.next();
                }
                Ok(None) => break,
                Err(panicked) => {
                    self.behind.failed(shared.fell(panicked), ticket).await;
                    break;
                }
            }
        }
        let tally = &mut self.behind.tally;
        shared.edge.finish(0, &mut ready, room, tally);
        ControlFlow::Continue(())
    }
}

/// Outputs, which are the user's: asked and let go under guard.
struct Outputs<X>(Option<X>);

impl<X: Iterator> Outputs<X> {
    fn next(&mut self) -> Result<Option<X::Item>, Panicked> {
        guard::call(|| self.0.as_mut().and_then(Iterator::next))
    }
}

impl<X> Drop for Outputs<X> {
    fn drop(&mut self) {
        let outputs = self.0.take();
        guard::quietly(|| drop(outputs));
    }
}
