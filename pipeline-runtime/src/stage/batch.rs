//! `batch`: items in a `Vec`, by size, by age, at the end.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::time::{self, timeout_at};

use super::behind::Behind;
use super::deadline::Cx;
use super::shared::Shared;
use super::wiring::Final;
use crate::bounds::Never;
use crate::bounds::{Item, Portable};
use crate::budget::Parked;
use crate::flow::edge::Bound;
use crate::flow::feed::Batch;
use crate::graph::{Group, Opts, Port};
use crate::guard::Held;
use crate::run::idle::Flushed;
use crate::step::{Entry, Step};
use crate::ticket::{Carried, Carry, Now};

/// Wires a `batch` and the pure stages behind it.
pub fn batch<T: Item, O: Item, Task: Item, K: Carry, F>(
    port: Port<T, Task, K>,
    opts: Opts,
    size: usize,
    within: Option<Duration>,
    post: F,
) -> Port<O, Task, K>
where
    F: Fn(Entry<Vec<T>, Never>, &Cx) -> Step<O, Never, Task> + Portable,
{
    let (shared, group, mut next) =
        Shared::<Final<T, O, Task, K>>::wire(port, opts.unordered(), false);
    if size == 0 {
        let (has, rule) = ("batches of 0 items", "a batch has at least 1");
        let mut build = next.graph.lock();
        build.invalid(group.main(), "batch", has, rule);
    }
    if within.is_some() {
        let (batch, what) = (group.main().clone(), "batches that end by their age");
        next.graph.lock().needs_timer(Some(batch), what);
    }
    // One batch that fills, one that waits.
    shared.edge.rebound(|_| Bound {
        window: 1,
        limit: 2,
        automatic: true,
        floor: 2,
        extra: 0,
    });
    next.batches = group.stages.len() == 1;
    next.graph.push(Group {
        per_credit: size,
        ..group
    });
    next.graph.on_start(move |control| {
        let span = shared.span();
        let batching = Batching {
            behind: Behind::new(&shared, post),
            shared,
            size,
            within,
            open: Held(Vec::new()),
            tickets: Vec::new(),
            parked: Vec::new(),
            taken: Batch::new(),
            flushed: control.idle().flushed(),
        };
        control.spawn_in(span, Box::pin(batching.run()));
    });
    next
}

struct Batching<T: Item, O: Item, Task: Item, K: Carry, F> {
    behind: Behind<Final<T, O, Task, K>, F>,
    shared: Arc<Shared<Final<T, O, Task, K>>>,
    size: usize,
    within: Option<Duration>,
    open: Held<T>,
    /// Those of the items in `open`.
    tickets: Vec<K>,
    /// What these hold of a budget.
    parked: Vec<Parked>,
    taken: Batch<Carried<T, K>>,
    flushed: Flushed,
}

impl<T: Item, O: Item, Task: Item, K: Carry, F> Batching<T, O, Task, K, F>
where
    F: Fn(Entry<Vec<T>, Never>, &Cx) -> Step<O, Never, Task> + Portable,
{
    async fn run(mut self) {
        while self.behind.credit().await.is_ok() {
            let more = self.fill().await;
            // Nobody wants it: its items are let go one by one, as they would not be in a batch.
            if self.shared.control.stopped() {
                break;
            }
            self.hand_in().await;
            if !more {
                break;
            }
        }
        self.behind.finish();
    }

    /// Takes items until the batch is full, old, asked for, or the last; whether there may be more.
    async fn fill(&mut self) -> bool {
        let shared = Arc::clone(&self.shared);
        let mut due = None;
        while self.open.len() < self.size {
            let (want, is_open) = (self.size - self.open.len(), !self.open.is_empty());
            let taking = poll_fn(|cx| {
                let taken = shared
                    .feed
                    .poll_take(0, cx, want, &mut self.taken, shared.take);
                match taken {
                    Poll::Ready(taken) => Poll::Ready(Some(taken)),
                    Poll::Pending if is_open => self.flushed.poll(cx).map(|()| None),
                    Poll::Pending => Poll::Pending,
                }
            });
            shared.timing.starved.open(Instant::now());
            let taken = match due {
                Some(due) => timeout_at(due, taking).await.unwrap_or(None),
                None => taking.await,
            };
            shared.timing.starved.close(Instant::now());
            match taken {
                None => return true,
                Some(None) => return false,
                Some(Some(_)) => {}
            }
            let failures = self.taken.failed();
            shared.report(failures).await;
            self.taken.hold = None;
            let before = self.tickets.len();
            K::unzip(&mut self.taken.items, &mut self.open, &mut self.tickets);
            if let Some(more) = self.tickets.get(before..) {
                for ticket in more {
                    ticket.park(&mut self.parked);
                }
            }
            if due.is_none() && !self.open.is_empty() {
                due = self
                    .within
                    .and_then(|within| time::Instant::now().checked_add(within));
            }
        }
        true
    }

    /// Leaves out what is somebody else's by now.
    fn shed(&mut self) {
        let mut now = Now::default();
        if !self.tickets.iter().any(|ticket| ticket.is_lost(&mut now)) {
            return;
        }
        let (items, tickets) = (
            std::mem::take(&mut *self.open),
            std::mem::take(&mut self.tickets),
        );
        for (item, ticket) in items.into_iter().zip(tickets) {
            if ticket.is_lost(&mut now) {
                self.behind.tally.aside(0, true, ticket);
                self.behind.tally.resolved += 1;
            } else {
                self.open.push(item);
                self.tickets.push(ticket);
            }
        }
    }

    async fn hand_in(&mut self) {
        self.parked.clear();
        self.shed();
        let mut output = None;
        if !self.open.is_empty() {
            let items = std::mem::take(&mut *self.open);
            let ticket = K::join(std::mem::take(&mut self.tickets));
            self.behind.tally.resolved += items.len() as u64;
            output = self.behind.passed(items, ticket).await;
        }
        self.behind.submit(output);
    }
}
