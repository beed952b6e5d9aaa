//! The last part of a pipeline that is not driven: what its consumer polls.

mod boxed;
mod inline;
mod outlet;

use std::task::{Context, Poll};

pub(crate) use boxed::Boxed;
pub use inline::{Inline, inline};
pub use outlet::Outlet;

/// What a consumer polls.
#[doc(hidden)]
pub trait Tail: Send + 'static {
    /// What the pipeline emits.
    type Item;

    /// The next item; `None` at the end, and when the pipeline has stopped.
    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Self::Item>>;

    /// Calls `f` with every item until the end.
    fn poll_each(&mut self, cx: &mut Context<'_>, f: &mut dyn FnMut(Self::Item)) -> Poll<()>;

    /// The same with a function known here, for tails that are as cheap as a loop.
    fn poll_each_inline<F: FnMut(Self::Item)>(&mut self, cx: &mut Context<'_>, mut f: F) -> Poll<()>
    where
        Self: Sized,
    {
        self.poll_each(cx, &mut f)
    }
}
