//! The workers of a group of stages.

mod asynchronous;
mod batch;
mod behind;
mod by;
mod deadline;
mod dedup;
mod drive;
mod driven;
mod driving;
mod flat;
mod function;
mod gather;
mod hashed;
mod in_turn;
mod intake;
mod intake_by;
mod key;
mod keyed;
mod outcomes;
mod park;
mod passed;
mod places;
mod pool;
mod retries;
mod reweigh;
mod scoped;
mod settling;
mod shared;
mod slots;
mod stateful;
mod sync;
mod turns;
mod usage;
mod wiring;
mod write;

pub use asynchronous::{Half, arms, async_fn, drive_async, stage, work, work_by};
pub use batch::batch;
pub use deadline::Cx;
pub use dedup::{Sight, dedup};
pub(crate) use drive::drive;
pub use driving::Work;
pub use flat::{Emitter, drive_flat, flat_fn};
pub use gather::{
    Bounds, Sizes, batch_by, batch_bytes, batch_bytes_by, batch_weighed, batch_weighed_by, fold,
    fold_by,
};
pub use key::Hashing;
#[cfg(test)]
pub(crate) use park::block_on;
pub use passed::Passing;
pub use reweigh::reweigh;
pub use stateful::stateful;
pub use sync::{pass, sync, sync_by};
