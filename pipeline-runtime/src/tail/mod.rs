//! The last part of a pipeline that is not driven: what its consumer polls.

mod boxed;
mod inline;
mod outlet;

use std::task::{Context, Poll};

use crate::ticket::{Carried, Carry};

pub(crate) use boxed::Boxed;
pub use inline::Inline;
pub(crate) use inline::inline;
pub use outlet::Outlet;

/// What a tail emits, with what travels beside it.
pub(crate) type Emitted<S> = Carried<<S as Tail>::Item, <S as Tail>::Ticket>;

/// What a consumer polls.
pub trait Tail: Send + 'static {
    /// What the pipeline emits.
    type Item;
    /// What travels beside it.
    type Ticket: Carry;
    /// Whether no item is in it but the one that is asked for.
    const HOLDS_NOTHING: bool = false;

    /// Nothing is asked for now, where it holds nothing: its source gives back what others may take meanwhile.
    fn pause(&mut self) {}

    /// The next item, if it is at hand: the short way past everything that [`Tail::poll_item`] has to look at.
    #[inline]
    fn ready(&mut self, _cx: &mut Context<'_>) -> Option<Carried<Self::Item, Self::Ticket>> {
        None
    }

    /// The next item; `None` at the end, and when the pipeline has stopped.
    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Emitted<Self>>>;

    /// Calls `f` with every item until the end.
    fn poll_each(&mut self, cx: &mut Context<'_>, f: &mut dyn FnMut(Emitted<Self>)) -> Poll<()>;

    /// The same with a function known here, for tails that are as cheap as a loop.
    fn poll_each_inline<F: FnMut(Emitted<Self>)>(
        &mut self,
        cx: &mut Context<'_>,
        mut f: F,
    ) -> Poll<()>
    where
        Self: Sized,
    {
        self.poll_each(cx, &mut f)
    }
}
