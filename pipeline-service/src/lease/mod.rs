//! Who of several may: leases with tokens that grow.

mod error;
mod holder;
mod keeper;
mod leader;
mod leases;
mod memory;
mod since;

pub use self::error::LeaseError;
pub(crate) use self::holder::holder;
pub(crate) use self::keeper::{Keeper, Renews};
pub(crate) use self::leader::Lead;
pub use self::leader::Leader;
pub use self::leases::Leases;
pub use self::memory::{MemoryLeases, Stale, memory};
pub(crate) use self::since::Since;
