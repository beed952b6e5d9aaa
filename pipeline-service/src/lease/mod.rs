//! Who of several may: leases with tokens that grow.

mod error;
mod holder;
mod keeper;
mod leader;
#[allow(
    clippy::module_inception,
    reason = "one lease, in the folder of all that is about them"
)]
mod lease;
mod leases;
mod memory;
mod since;
mod stale;

pub use self::error::LeaseError;
pub(crate) use self::holder::holder;
pub(crate) use self::keeper::{Keeper, Renews};
pub(crate) use self::leader::Lead;
pub use self::leader::Leader;
pub use self::lease::Lease;
pub use self::leases::Leases;
pub use self::memory::{MemoryLeases, memory};
pub(crate) use self::since::Since;
pub use self::stale::{FenceError, Stale};
