//! Everything that a pipeline emits, in a collection.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::emitting::Emitting;
use crate::failure::Failure;
use crate::running::Handle;
use crate::tail::Tail;
use crate::ticket::Carried;

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

/// Collects the output of a pipeline; [`Pipeline::collect`](crate::Pipeline::collect) makes it. Dropping it aborts the pipeline.
#[must_use = "nothing is collected until it is awaited"]
pub struct Collect<C, Task: Send + 'static, S: Tail> {
    items: C,
    /// The future knows no bound of `C`, so that a `C` that fits nothing is one error and not one for each use.
    poll: fn(&mut Self, &mut Context<'_>) -> Poll<Collected<C, Task>>,
    /// Done when everything is collected.
    tickets: Vec<S::Ticket>,
    emitting: Emitting<Task, S>,
}

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
            emitting,
        }
    }

    fn poll_all(&mut self, cx: &mut Context<'_>) -> Poll<Collected<C, Task>> {
        let Self {
            items,
            tickets,
            emitting,
            ..
        } = self;
        if emitting.running() {
            ready!(
                emitting
                    .tail
                    .poll_each_inline(cx, |Carried { item, ticket }| {
                        items.extend(std::iter::once(item));
                        tickets.push(ticket);
                    })
            );
        }
        let ended = ready!(emitting.poll_end(cx, tickets));
        Poll::Ready(ended.map(|_report| std::mem::take(items)))
    }
}

impl<C, Task: Send + 'static, S: Tail> Future for Collect<C, Task, S> {
    type Output = Result<C, Failure<Task>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        (this.poll)(this, cx)
    }
}
