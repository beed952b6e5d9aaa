//! The engine's entry points.

use std::marker::PhantomData;

pub use crate::bounds::{Item, Portable};
pub use crate::budget::Parked;
use crate::failure::Failure;
pub use crate::flow::numbered::{Numbered, Numbers, Unnumbered};
pub use crate::flow::split::Divided;
pub use crate::graph::{Back, Branches, ComesBack, Port, lossy, ordered, tee, unordered};
use crate::named::debug_by_name;
use crate::pipeline::Pipeline;
pub use crate::pipeline::{drive, drive_arm, driven, finish, inline, open, with_errors};
pub use crate::segment::{segment, through};
pub use crate::stage::{
    Bounds, Cx, Emitter, Half, Hashing, Passing, Sight, Sizes, Work, arms, async_fn, batch,
    batch_by, batch_bytes, batch_bytes_by, batch_weighed, batch_weighed_by, dedup, drive_async,
    drive_flat, flat_fn, fold, fold_by, pass, reweigh, stage, stateful, sync, sync_by, work,
    work_by,
};
pub use crate::tail::{Inline, Outlet};
pub use crate::ticket::{Carried, Carry};
pub use crate::ticket::{InTurn, Message, Now, OfDelivery, Scope, Ticket, Turn};

/// Tells the type of a sink's closure before its body is checked.
pub struct Hint<T>(PhantomData<fn() -> T>);

debug_by_name!(Hint<T>);

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

/// The type of a pipeline's failures.
pub fn failure_hint<T, Task, S>(_pipeline: &Pipeline<T, Task, S>) -> Hint<Failure<Task>> {
    Hint(PhantomData)
}

/// The type of what the fused stages in front of a `:drive` emit.
pub fn pre<T, O, Task, K, F>(_port: &Port<T, Task, K>, f: F) -> (F, Hint<O>)
where
    F: Fn(
        crate::step::Entry<T, crate::bounds::Never>,
        &Cx,
    ) -> crate::step::Step<O, crate::bounds::Never, Task>,
{
    (f, Hint(PhantomData))
}
