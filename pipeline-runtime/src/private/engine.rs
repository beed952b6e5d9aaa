//! The engine's entry points.

use std::marker::PhantomData;

pub use crate::build::{Port, open};
pub use crate::carry::{Carried, Carry};
use crate::failure::Failure;
use crate::pipeline::Pipeline;
pub use crate::pipeline::{finish, with_errors};
pub use crate::segment::segment;
pub use crate::stage::*;
pub use crate::tail::{Inline, Outlet, inline};
pub use crate::ticket::Ticket;

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

/// Tells the type of a sink's closure before its body is checked.
pub struct Hint<T>(PhantomData<fn() -> T>);

impl<T> Clone for Hint<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Hint<T> {}

impl<T> Hint<T> {
    /// Called first in the closure.
    pub fn of(self, _item: &T) {}
}

/// The type of what a port emits.
#[must_use]
pub fn hint<T, Task, K>(_port: &Port<T, Task, K>) -> Hint<T> {
    Hint(PhantomData)
}

/// The type of a pipeline's failures.
pub fn failure_hint<T, Task, S>(_pipeline: &Pipeline<T, Task, S>) -> Hint<Failure<Task>> {
    Hint(PhantomData)
}

/// The type of what the fused stages in front of a `:drive` emit.
pub fn pre<T, O, Task, K, F>(_port: &Port<T, Task, K>, f: F) -> (F, Hint<O>)
where
    F: Fn(
        crate::step::Entry<T, crate::step::Never>,
        &Cx,
    ) -> crate::step::Step<O, crate::step::Never, Task>,
{
    (f, Hint(PhantomData))
}
