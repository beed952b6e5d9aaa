//! A lease that was granted.

use std::time::Duration;

use pipeline_runtime::Name;

/// A lease that was granted: what is given to a place that is to refuse what an older holder writes.
///
/// [`Context::lease`](crate::Context::lease) is that of a run. It says that the lease was granted, not that it is held still:
/// that is known where it is kept, in the transaction that writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    name: Name,
    token: u64,
    ttl: Duration,
}

impl Lease {
    /// One that [`Leases::claim`](super::Leases::claim) has granted.
    #[must_use]
    pub fn new(name: impl Into<Name>, token: u64, ttl: Duration) -> Self {
        let name = name.into();
        Self { name, token, ttl }
    }

    /// What was granted.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// Greater than those of all before.
    #[must_use]
    pub fn token(&self) -> u64 {
        self.token
    }

    /// For how long it is granted, and extended.
    #[must_use]
    pub fn ttl(&self) -> Duration {
        self.ttl
    }
}
