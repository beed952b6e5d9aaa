//! Items gathered by key: `batch … by` and `fold`.

mod batch_by;
mod by_bytes;
mod fold;
mod groups;
mod order;

use std::future::poll_fn;
use std::hash::Hash;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::{Duration, Instant};

use tokio::time::{self, timeout_at};

pub use batch_by::batch_by;
pub use by_bytes::{Sizes, batch_bytes, batch_bytes_by, batch_weighed, batch_weighed_by};
pub use fold::{fold, fold_by};

use self::groups::{Groups, Open};
use super::behind::{Behind, guarded};
use super::deadline::Cx;
use super::shared::Shared;
use super::wiring::{Final, Wiring};
use crate::bounds::{Item, Never, Portable};
use crate::failure::Failure;
use crate::flow::edge::Bound;
use crate::flow::feed::Batch;
use crate::graph::{Group, Keeps, Opts, Port, StateBound};
use crate::guard::{self, Going};
use crate::measure::counts::Tally;
use crate::run::idle::Flushed;
use crate::step::{Entry, Step};
use crate::ticket::{Carried, Carry, Now, Scope as _};

/// The most items to take at once.
const CHUNK: usize = 1024;

/// When a group goes on, and how many there may be.
#[derive(Debug)]
pub struct Bounds {
    /// The most items of a group.
    pub most: Option<usize>,
    /// How old it may become.
    pub within: Option<Duration>,
    /// The most groups that are open.
    pub groups: usize,
}

/// What is made of the items of one key.
pub(crate) trait Gathers<T, Task, K>: Send + 'static {
    type Gathered: Item;

    /// Whether all items that it was given are still held.
    const HOLDS_ITEMS: bool;

    /// Whether items are weighed.
    const WEIGHS: bool = false;

    /// The most bytes of a group, if it is not one item.
    fn bytes(&self) -> u64 {
        u64::MAX
    }

    /// What an item weighs, with that.
    fn weigh(&mut self, item: T, _ticket: &K) -> Step<(u64, T), Never, Task> {
        Step::Emit((0, item))
    }

    fn begin(&mut self) -> Step<Self::Gathered, Never, Task>;

    fn add(&mut self, gathered: &mut Self::Gathered, item: T) -> Step<(), Never, Task>;

    /// Leaves out what is somebody else's by now, where it can.
    fn shed(_gathered: &mut Self::Gathered, _tickets: &mut Vec<K>, _tally: &mut Tally) {}
}

/// Wires a form that gathers items by key, and the pure stages behind it.
pub(crate) fn gather<T: Item, Key, O: Item, Task: Item, K: Carry, G, B, F>(
    port: Port<T, Task, K>,
    opts: Opts,
    bounds: Bounds,
    gathers: G,
    by: B,
    post: F,
) -> Port<O, Task, K>
where
    Key: Item + Hash + Eq,
    G: Gathers<T, Task, K>,
    B: Fn(Entry<T, Never>, &Cx) -> Step<(Key, T), Never, Task> + Portable,
    F: Fn(Entry<(Key, G::Gathered), Never>, &Cx) -> Step<O, Never, Task> + Portable,
{
    // One worker, whose outputs have no numbers: they are emitted as it hands them in.
    let (shared, group, mut next) =
        Shared::<Final<T, O, Task, K>>::wire(port, opts.unordered(), false);
    bounds.check(&group, &next);
    let most = bounds.most.unwrap_or(1);
    // Beside the open groups one that is handed over, and one that waits.
    shared.edge.rebound(|_| Bound {
        window: 1,
        limit: 2,
        automatic: true,
        floor: 2,
        extra: 0,
    });
    next.batches = false;
    let (per_credit, items) = if G::HOLDS_ITEMS {
        (most, bounds.groups.saturating_mul(most))
    } else {
        (1, bounds.groups.saturating_add(CHUNK))
    };
    let bound = if G::WEIGHS {
        StateBound::Batches {
            groups: bounds.groups,
            most,
            bytes: gathers.bytes(),
        }
    } else {
        StateBound::Groups {
            groups: bounds.groups,
            most: bounds.most,
        }
    };
    next.graph.push(Group {
        per_credit,
        state: Some(Keeps { bound, items }),
        ..group
    });
    next.graph.on_start(move |control| {
        let span = shared.span();
        let gathering = Gathering {
            behind: Behind::new(&shared, post),
            shared,
            bounds,
            groups: Groups::new(),
            held: 0,
            gathers,
            by,
            taken: Batch::new(),
            flushed: control.idle().flushed(),
        };
        control.spawn_in(span, Box::pin(gathering.run()));
    });
    next
}

impl Bounds {
    fn check<O, Task, K: Carry>(&self, group: &Group, next: &Port<O, Task, K>) {
        let main = group.main();
        let mut build = next.graph.lock();
        if self.groups == 0 {
            build.invalid(main, "groups", "0 groups", "at least 1 is open at a time");
        }
        if self.most == Some(0) {
            build.invalid(main, "size", "groups of 0 items", "a group has at least 1");
        }
        if self.within == Some(Duration::ZERO) {
            let rule = "a group is open for more than no time";
            build.invalid(main, "within", "a time of 0", rule);
        }
        if self.within.is_some() {
            build.needs_timer(Some(main.clone()), "groups that end by their age");
        }
    }
}

/// What the task of the form does next.
enum Next {
    /// There are items in `taken`.
    Items,
    /// A group is as old as it may be.
    Due,
    /// Nothing comes any more unless those who keep items go on with them.
    Flush,
    End,
}

struct Gathering<W: Wiring, Key, G: Gathers<W::In, W::Task, W::Ticket>, B, F> {
    behind: Behind<W, F>,
    shared: Arc<Shared<W>>,
    bounds: Bounds,
    groups: Groups<Key, G::Gathered, W::Ticket>,
    /// How many items the open groups have.
    held: usize,
    gathers: G,
    by: B,
    taken: Batch<Carried<W::In, W::Ticket>>,
    flushed: Flushed,
}

/// Nobody wants more: what is left is let go.
const GONE: ControlFlow<()> = ControlFlow::Break(());

impl<W: Wiring, Key: Item + Hash + Eq, G, B, F> Gathering<W, Key, G, B, F>
where
    G: Gathers<W::In, W::Task, W::Ticket>,
    B: Fn(Entry<W::In, Never>, &Cx) -> Step<(Key, W::In), Never, W::Task> + Portable,
    F: Fn(Entry<(Key, G::Gathered), Never>, &Cx) -> Step<W::Out, Never, W::Task> + Portable,
{
    async fn run(mut self) {
        let _ = self.work().await;
        self.behind.finish();
    }

    async fn work(&mut self) -> ControlFlow<()> {
        loop {
            match self.next().await {
                Next::Items => self.chunk().await?,
                Next::Due => self.hand_on_due().await?,
                Next::Flush => self.hand_on_all().await?,
                Next::End => return self.hand_on_all().await,
            }
            tokio::task::coop::consume_budget().await;
        }
    }

    async fn next(&mut self) -> Next {
        let (shared, due) = (Arc::clone(&self.shared), self.groups.due());
        // With what is taken the groups hold no more than they may when all of them are full.
        let want = match self.bounds.most {
            Some(most) if G::HOLDS_ITEMS => self.bounds.groups.saturating_mul(most) - self.held,
            _ => CHUNK,
        };
        let (want, is_open) = (want.min(CHUNK), self.groups.len() > 0);
        let next = poll_fn(|cx| {
            let taken = shared
                .feed
                .poll_take(0, cx, want, &mut self.taken, shared.take);
            match taken {
                Poll::Ready(Some(_)) => Poll::Ready(Next::Items),
                Poll::Ready(None) => Poll::Ready(Next::End),
                Poll::Pending if is_open => {
                    ready!(self.flushed.poll(cx));
                    Poll::Ready(Next::Flush)
                }
                Poll::Pending => Poll::Pending,
            }
        });
        shared.timing.starved.open(Instant::now());
        let next = match due {
            Some(due) => timeout_at(due, next).await.unwrap_or(Next::Due),
            None => next.await,
        };
        shared.timing.starved.close(Instant::now());
        next
    }

    async fn chunk(&mut self) -> ControlFlow<()> {
        let failures = self.taken.failed();
        self.shared.report(failures).await;
        self.taken.hold = None;
        let mut items = Going::of(std::mem::take(&mut self.taken.items));
        for Carried { item, ticket } in items.by_ref() {
            self.hand_on_due().await?;
            self.take(item, ticket).await?;
        }
        ControlFlow::Continue(())
    }

    async fn take(&mut self, item: W::In, mut ticket: W::Ticket) -> ControlFlow<()> {
        if ticket.is_lost(&mut Now::default()) {
            self.behind.lose(ticket);
            return ControlFlow::Continue(());
        }
        let scope = ticket.scope();
        let by = || (self.by)(Entry::Fresh(item), &Cx::untimed());
        let (key, item) = match scope.within(|| guarded(&self.shared, by)) {
            Ok(keyed) => keyed,
            Err(failure) => return self.fail(failure, ticket).await,
        };
        let weigh = || self.gathers.weigh(item, &ticket);
        let (bytes, item) = match scope.within(|| guarded(&self.shared, weigh)) {
            Ok(weighed) => weighed,
            Err(failure) => return self.fail(failure, ticket).await,
        };
        let number = match guard::call(|| self.groups.find(&key)) {
            Ok((_, Some(number))) if !self.is_over(number, bytes) => number,
            Ok((hash, found)) => {
                if let Some(full) = found {
                    self.behind.tally.stages[0].by_bytes += 1;
                    self.hand_on(full).await?;
                } else if self.groups.len() == self.bounds.groups
                    && let Some(idle) = self.groups.longest_idle()
                {
                    self.behind.tally.stages[0].evicted += 1;
                    self.hand_on(idle).await?;
                }
                match guarded(&self.shared, || self.gathers.begin()) {
                    Ok(gathered) => {
                        let within = self.bounds.within;
                        let due =
                            within.and_then(|within| time::Instant::now().checked_add(within));
                        self.groups.open(hash, key, gathered, due)
                    }
                    Err(failure) => return self.fail(failure, ticket).await,
                }
            }
            Err(panicked) => return self.fail(self.shared.fell(panicked), ticket).await,
        };
        let open = self.groups.used(number);
        let add = || self.gathers.add(&mut open.gathered, item);
        let added = scope.within(|| guarded(&self.shared, add));
        if let Err(failure) = added {
            if open.items == 0 {
                let opened = self.groups.close(number);
                guard::quietly(|| drop(opened));
            }
            return self.fail(failure, ticket).await;
        }
        ticket.leave_order(&mut Vec::new());
        ticket.park(&mut open.parked);
        open.tickets.push(ticket);
        open.items += 1;
        open.bytes = open.bytes.saturating_add(bytes);
        self.held += 1;
        let is_full = Some(open.items) == self.bounds.most;
        if is_full || self.is_over(number, 1) {
            self.behind.tally.stages[0].by_bytes += u64::from(!is_full);
            self.hand_on(number).await?;
        }
        ControlFlow::Continue(())
    }

    /// Whether a group would have too many bytes with so many more.
    fn is_over(&self, number: usize, more: u64) -> bool {
        G::WEIGHS && self.groups.bytes(number).saturating_add(more) > self.gathers.bytes()
    }

    #[cold]
    async fn fail(&mut self, failure: Failure<W::Task>, ticket: W::Ticket) -> ControlFlow<()> {
        self.behind.fail(failure, ticket).await;
        ControlFlow::Continue(())
    }

    async fn hand_on_due(&mut self) -> ControlFlow<()> {
        while let Some(due) = self.groups.due()
            && due <= time::Instant::now()
            && let Some(oldest) = self.groups.oldest()
        {
            self.hand_on(oldest).await?;
        }
        ControlFlow::Continue(())
    }

    async fn hand_on_all(&mut self) -> ControlFlow<()> {
        while let Some(oldest) = self.groups.oldest() {
            self.hand_on(oldest).await?;
        }
        ControlFlow::Continue(())
    }

    /// Hands on a group, which is open until there is room for it.
    async fn hand_on(&mut self, number: usize) -> ControlFlow<()> {
        if self.behind.credit().await.is_err() || self.shared.control.stopped() {
            return GONE;
        }
        let Open {
            key,
            mut gathered,
            mut tickets,
            parked,
            items,
            ..
        } = self.groups.close(number);
        drop(parked);
        self.held -= items;
        let tally = &mut self.behind.tally;
        tally.resolved += items as u64;
        G::shed(&mut gathered, &mut tickets, tally);
        let mut output = None;
        if !tickets.is_empty() {
            let ticket = W::Ticket::join(tickets);
            output = self.behind.passed((key, gathered), ticket).await;
        }
        self.behind.submit(output);
        ControlFlow::Continue(())
    }
}
