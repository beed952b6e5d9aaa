//! What an older holder is told.

use pipeline_runtime::Name;

use super::error::LeaseError;

/// A lease was granted to somebody else since, or is not there any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.said())]
pub struct Stale {
    lease: Name,
    token: u64,
    current: u64,
}

impl Stale {
    /// Of that lease: the token of who wanted to write, and that of the last grant, or 0 where there is no such lease.
    #[must_use]
    pub fn new(lease: impl Into<Name>, token: u64, current: u64) -> Self {
        let lease = lease.into();
        Self {
            lease,
            token,
            current,
        }
    }

    fn said(&self) -> String {
        let Self {
            lease,
            token,
            current,
        } = self;
        if *current == 0 {
            return format!(
                "there is no lease `{lease}`, and this is token {token} of it: its row was removed, or it is kept elsewhere"
            );
        }
        format!(
            "the lease `{lease}` has token {current}, and this is token {token}: somebody else has been granted it since"
        )
    }
}

/// Why a transaction may not write under a lease. It is to be rolled back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FenceError {
    /// The lease was granted to somebody else since, or is not there any more.
    #[error(transparent)]
    Stale(#[from] Stale),
    /// The place of leases does not answer, or not in this transaction.
    #[error(transparent)]
    Place(#[from] LeaseError),
}
