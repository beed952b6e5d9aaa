//! What items, functions and futures must be, wherever they go.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// A future that any thread may poll, whatever its type.
pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a group's function and what it captures must be; one trait, so that rustc says one thing.
#[diagnostic::on_unimplemented(
    message = "a stage's function captures something that threads cannot share"
)]
pub trait Portable: Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<F: Send + Sync + 'static> Portable for F {}

/// What may go from a stage to the next.
#[diagnostic::on_unimplemented(message = "`{Self}` cannot go to the next stage: it is not `Send`")]
pub trait Item: Send + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Send + 'static> Item for T {}

/// Has no implementation. Where a second impl is thinkable, rustc looks at the bounds of the first before it takes any
/// type from it; so the one message about the bound is the only one.
pub trait Nothing {
    /// Cannot be called.
    fn never<T>(self) -> T;
}

/// The function of a group that runs as a future, behind an `Arc` for its drivers.
#[diagnostic::on_unimplemented(
    message = "a stage's function captures something that threads cannot share",
    label = "captures what is not `Send + Sync`",
    note = "take an `Arc` for an `Rc`, a `Mutex` or an atomic for a `RefCell` or a `Cell`"
)]
pub trait Shareable<F> {
    /// The function, shared.
    fn share(self) -> Arc<F>;
}

#[diagnostic::do_not_recommend]
impl<F: Portable> Shareable<F> for F {
    fn share(self) -> Arc<F> {
        Arc::new(self)
    }
}

#[diagnostic::do_not_recommend]
impl<F: Nothing> Shareable<Never> for F {
    fn share(self) -> Arc<Never> {
        self.never()
    }
}

/// The second type of [`Entry`](crate::step::Entry) and [`Step`](crate::step::Step) where a group has no `retry`.
#[derive(Debug, Clone, Copy)]
pub enum Never {}
