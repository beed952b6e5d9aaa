//! Any tail, without its type.

use std::task::{Context, Poll};

use super::Tail;

/// A tail whose type is hidden.
#[doc(hidden)]
pub struct Boxed<T>(Box<dyn Tail_<T>>);

/// [`Tail`] without what no object can have.
trait Tail_<T>: Send {
    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>>;
    fn poll_each(&mut self, cx: &mut Context<'_>, f: &mut dyn FnMut(T)) -> Poll<()>;
}

impl<S: Tail> Tail_<S::Item> for S {
    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        Tail::poll_item(self, cx)
    }

    fn poll_each(&mut self, cx: &mut Context<'_>, f: &mut dyn FnMut(S::Item)) -> Poll<()> {
        Tail::poll_each(self, cx, f)
    }
}

impl<T: 'static> Boxed<T> {
    pub(crate) fn new(tail: impl Tail<Item = T>) -> Self {
        Self(Box::new(tail))
    }
}

impl<T: 'static> Tail for Boxed<T> {
    type Item = T;

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.0.poll_item(cx)
    }

    fn poll_each(&mut self, cx: &mut Context<'_>, f: &mut dyn FnMut(T)) -> Poll<()> {
        self.0.poll_each(cx, f)
    }
}
