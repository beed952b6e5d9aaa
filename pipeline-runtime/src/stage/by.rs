//! What `by` says of items.

use super::key::Hashing;
use super::wiring::{StepOf, Wiring};
use crate::bounds::Portable;
use crate::failure::Cause;
use crate::graph::Opts;

type Hash<T> = Box<dyn Fn(&T) -> Result<u64, Cause> + Send + Sync>;

/// What `by` says of an item that comes in, and what becomes of one of which it cannot say anything.
pub(crate) struct By<W: Wiring> {
    pub(super) hash: Hash<W::In>,
    pub(super) fail: Box<dyn Fn(W::In, Cause) -> StepOf<W> + Send + Sync>,
}

impl<W: Wiring> By<W> {
    /// Of what the expansion makes.
    pub(super) fn new(
        opts: &Opts,
        hash: impl Fn(&W::In, &Hashing) -> Result<u64, Cause> + Portable,
        fail: impl Fn(W::In, Cause) -> StepOf<W> + Portable,
    ) -> Self {
        let hashing = Hashing::of_stage(opts.rate.as_ref());
        Self {
            hash: Box::new(move |item| hash(item, &hashing)),
            fail: Box::new(fail),
        }
    }
}
