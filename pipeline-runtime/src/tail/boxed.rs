//! Any tail, without its type.

use std::task::{Context, Poll};

use super::Tail;
use crate::named::debug_by_name;
use crate::ticket::{Carried, Ticket};

/// A tail whose type is hidden.
pub struct Boxed<T>(Box<dyn Tail_<T>>);

debug_by_name!(Boxed<T>);

/// [`Tail`] without what no object can have.
trait Tail_<T>: Send {
    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Carried<T, Ticket>>>;
    fn poll_each(
        &mut self,
        cx: &mut Context<'_>,
        f: &mut dyn FnMut(Carried<T, Ticket>),
    ) -> Poll<()>;
}

impl<S: Tail> Tail_<S::Item> for S {
    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Carried<S::Item, Ticket>>> {
        Tail::poll_item(self, cx).map(|item| item.map(Carried::ticketed))
    }

    fn poll_each(
        &mut self,
        cx: &mut Context<'_>,
        f: &mut dyn FnMut(Carried<S::Item, Ticket>),
    ) -> Poll<()> {
        Tail::poll_each(self, cx, &mut |carried| f(carried.ticketed()))
    }
}

impl<T: 'static> Boxed<T> {
    pub(crate) fn new(tail: impl Tail<Item = T>) -> Self {
        Self(Box::new(tail))
    }
}

impl<T: 'static> Tail for Boxed<T> {
    type Item = T;
    type Ticket = Ticket;

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Carried<T, Ticket>>> {
        self.0.poll_item(cx)
    }

    fn poll_each(
        &mut self,
        cx: &mut Context<'_>,
        f: &mut dyn FnMut(Carried<T, Ticket>),
    ) -> Poll<()> {
        self.0.poll_each(cx, f)
    }
}
