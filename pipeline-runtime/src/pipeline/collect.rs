//! Everything that a pipeline emits, in a collection.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, ready};

use super::emitting::Emitting;
use crate::failure::Failure;
use crate::named::debug_by_name;
use crate::run::idle::KeepsItems;
use crate::running::{Handle, Live};
use crate::tail::Tail;
use crate::ticket::{Carried, Carry, KeptBy};

/// What `collect` makes of items: whatever is empty by default and can be extended by them.
#[diagnostic::on_unimplemented(
    message = "`collect` cannot make `{Self}` of items of type `{T}`",
    label = "collects items of type `{T}`",
    note = "say what to collect into, as `let rows: Vec<{T}> = …` or `.collect::<Vec<_>>()`"
)]
pub trait Collection<T>: Default + Extend<T> {}

#[diagnostic::do_not_recommend]
impl<T, C: Default + Extend<T>> Collection<T> for C {}

type Collected<C, Task> = Result<C, Failure<Task>>;

/// Collects the output of a pipeline; [`Pipeline::collect`](crate::Pipeline::collect) makes it. Dropping it aborts the
/// pipeline.
#[must_use = "nothing is collected until it is awaited"]
pub struct Collect<C, Task: Send + 'static, S: Tail> {
    items: C,
    /// The future knows no bound of `C`, so that a `C` that fits nothing is one error and not one for each use.
    poll: fn(&mut Self, &mut Context<'_>) -> Poll<Collected<C, Task>>,
    /// Done when everything is collected.
    tickets: Vec<S::Ticket>,
    /// Some of them, where a source looks whether there is anything else under way.
    shown: Option<Arc<Shown<S::Ticket>>>,
    emitting: Emitting<Task, S>,
}

debug_by_name!(Collect<C, Task: Send + 'static, S: Tail>);

impl<C, Task: Send + 'static, S: Tail> Collect<C, Task, S> {
    /// For statistics while it runs, and the report afterwards.
    pub fn handle(&self) -> Handle {
        self.emitting.live.handle()
    }
}

/// Everything in it is polled in place or owned by value: nothing relies on being pinned.
impl<C, Task: Send + 'static, S: Tail> Unpin for Collect<C, Task, S> {}

impl<C, Task: Send + 'static, S: Tail> Collect<C, Task, S>
where
    C: Collection<S::Item>,
{
    pub(super) fn new(emitting: Emitting<Task, S>) -> Self {
        Self {
            items: C::default(),
            poll: Self::poll_all,
            tickets: Vec::new(),
            shown: Shown::to(&emitting.live),
            emitting,
        }
    }

    fn poll_all(&mut self, cx: &mut Context<'_>) -> Poll<Collected<C, Task>> {
        let Self {
            items,
            tickets,
            shown,
            emitting,
            ..
        } = self;
        if emitting.running() {
            let polled = emitting
                .tail
                .poll_each_inline(cx, |Carried { item, mut ticket }| {
                    ticket.unload();
                    items.extend(std::iter::once(item));
                    // Whoever waits for the item need not wait for the end.
                    tickets.push(ticket.unawaited());
                });
            if let Some(shown) = shown {
                shown.exchange(tickets, polled.is_ready());
            }
            ready!(polled);
        }
        let ended = ready!(emitting.poll_end(cx, tickets));
        Poll::Ready(ended.map(|_report| std::mem::take(items)))
    }
}

/// What is collected so far, for those who look whether anything else is under way.
struct Shown<K>(Mutex<Vec<K>>);

impl<K: Carry> Shown<K> {
    fn to<Task: Send + 'static>(live: &Live<Task>) -> Option<Arc<Self>> {
        let idle = live.idle();
        idle.is_wanted().then(|| {
            let shown = Arc::new(Self(Mutex::default()));
            idle.add(Arc::downgrade(&shown) as Weak<dyn KeepsItems>);
            shown
        })
    }

    /// Takes the tickets, or gives back all of them.
    fn exchange(&self, tickets: &mut Vec<K>, back: bool) {
        let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shown.append(tickets);
        if back {
            std::mem::swap(&mut *shown, tickets);
        }
    }
}

impl<K: Carry> KeepsItems for Shown<K> {
    fn deliveries(&self, of: KeptBy<'_>) -> usize {
        K::deliveries(of, &*self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<C, Task: Send + 'static, S: Tail> Future for Collect<C, Task, S> {
    type Output = Result<C, Failure<Task>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        (this.poll)(this, cx)
    }
}
