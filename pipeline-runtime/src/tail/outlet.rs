//! The consumer of an edge.

use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::vec;

use super::Tail;
use crate::bounds::BoxFuture;
use crate::flow::edge::Take;
use crate::flow::feed::{Batch, Feed};
use crate::flow::pushing::emptied;
use crate::guard;
use crate::named::debug_by_name;
use crate::ticket::{Carried, Carry};

/// Takes chunks from the last edge and hands them out one by one.
#[doc(hidden)]
pub struct Outlet<T, K = ()> {
    feed: Arc<dyn Feed<Carried<T, K>>>,
    chunk: vec::IntoIter<Carried<T, K>>,
    /// What the chunk held: its credits go back when all of it is used up.
    held: usize,
    taken: Batch<Carried<T, K>>,
    /// The worker of the last group, where the consumer runs it.
    inline: Option<BoxFuture<'static, ()>>,
}

debug_by_name!(Outlet<T, K>);

impl<T: Send + 'static, K: Carry> Outlet<T, K> {
    pub(crate) fn new(
        feed: Arc<dyn Feed<Carried<T, K>>>,
        inline: Option<BoxFuture<'static, ()>>,
    ) -> Self {
        Self {
            feed,
            chunk: Vec::new().into_iter(),
            held: 0,
            taken: Batch::new(),
            inline,
        }
    }

    /// The next chunk, which may be empty; `None` at the end. Other tasks may run now and then.
    #[inline(never)]
    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<Option<()>> {
        let coop = ready!(tokio::task::coop::poll_proceed(cx));
        let more = ready!(self.poll_chunk(cx));
        coop.made_progress();
        Poll::Ready(more)
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<()>> {
        self.feed.used(std::mem::take(&mut self.held));
        let take = Take {
            each: false,
            keep: true,
        };
        if let Some(worker) = &mut self.inline
            && worker.as_mut().poll(cx).is_ready()
        {
            self.inline = None;
        }
        self.taken.items = emptied(std::mem::take(&mut self.chunk));
        // Half of the bound stays with the workers, so that they go on while the consumer uses up its chunk.
        let stamp = ready!(
            self.feed
                .poll_take(0, cx, self.feed.share(), &mut self.taken, take)
        );
        self.held = self.taken.items.len();
        self.chunk = std::mem::take(&mut self.taken.items).into_iter();
        Poll::Ready(stamp.map(drop))
    }
}

/// What the consumer has not taken is dropped item by item, since any of them may panic then.
impl<T, K> Drop for Outlet<T, K> {
    fn drop(&mut self) {
        if std::mem::needs_drop::<T>() {
            guard::let_go_of(std::mem::take(&mut self.chunk));
        }
    }
}

impl<T: Send + 'static, K: Carry> Tail for Outlet<T, K> {
    type Item = T;
    type Ticket = K;

    #[inline]
    fn ready(&mut self, _cx: &mut Context<'_>) -> Option<Carried<T, K>> {
        self.chunk.next()
    }

    #[inline]
    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Carried<T, K>>> {
        while self.chunk.len() == 0 {
            if ready!(self.poll_more(cx)).is_none() {
                return Poll::Ready(None);
            }
        }
        Poll::Ready(self.chunk.next())
    }

    fn poll_each(&mut self, cx: &mut Context<'_>, f: &mut dyn FnMut(Carried<T, K>)) -> Poll<()> {
        while let Some(item) = ready!(self.poll_item(cx)) {
            f(item);
            self.chunk.by_ref().for_each(&mut *f);
        }
        Poll::Ready(())
    }
}
