//! Leases in the memory of a program: for tests, and for several services in one program.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pipeline_runtime::Name;
use tokio::time::Instant;

use super::error::LeaseError;
use super::leases::Leases;
use super::stale::Stale;

/// Leases in the memory of a program.
#[must_use]
pub fn memory() -> MemoryLeases {
    MemoryLeases::default()
}

/// Leases in the memory of a program; [`memory`] makes them. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct MemoryLeases(Arc<Mutex<HashMap<String, Lease>>>);

#[derive(Debug)]
struct Lease {
    token: u64,
    until: Option<Instant>,
}

impl MemoryLeases {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Lease>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls `write`, unless the lease was granted to somebody else since that token. Nobody is granted it meanwhile.
    ///
    /// # Errors
    ///
    /// The token is an older one; nothing was called.
    pub fn fenced<R>(
        &self,
        lease: &str,
        token: u64,
        write: impl FnOnce() -> R,
    ) -> Result<R, Stale> {
        let leases = self.lock();
        let current = leases.get(lease).map_or(0, |lease| lease.token);
        if current == token {
            Ok(write())
        } else {
            Err(Stale::new(lease.to_owned(), token, current))
        }
    }
}

impl Leases for MemoryLeases {
    fn name(&self) -> Name {
        "memory".into()
    }

    async fn claim(
        &self,
        lease: &str,
        _holder: &str,
        ttl: Duration,
    ) -> Result<Option<u64>, LeaseError> {
        let (mut leases, now) = (self.lock(), Instant::now());
        let lease = leases.entry(lease.to_owned()).or_insert(Lease {
            token: 0,
            until: None,
        });
        if lease.until.is_some_and(|until| until > now) {
            return Ok(None);
        }
        lease.token += 1;
        lease.until = Some(now + ttl);
        Ok(Some(lease.token))
    }

    async fn renew(&self, lease: &str, token: u64, ttl: Duration) -> Result<bool, LeaseError> {
        let (mut leases, now) = (self.lock(), Instant::now());
        let held = leases.get_mut(lease);
        let held = held
            .filter(|lease| lease.token == token && lease.until.is_some_and(|until| until > now));
        let is_held = held.is_some();
        if let Some(lease) = held {
            lease.until = Some(now + ttl);
        }
        Ok(is_held)
    }

    async fn release(&self, lease: &str, token: u64) -> Result<(), LeaseError> {
        let mut leases = self.lock();
        if let Some(lease) = leases.get_mut(lease).filter(|lease| lease.token == token) {
            lease.until = None;
        }
        Ok(())
    }
}
