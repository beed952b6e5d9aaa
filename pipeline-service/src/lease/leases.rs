//! Where leases are kept.

use std::future::Future;
use std::time::Duration;

use futures::future::BoxFuture;
use pipeline_runtime::Name;

use super::error::LeaseError;

/// Where leases are kept: each has at most one holder at any instant, and the token that it is granted with is greater than all
/// before.
///
/// What a holder does after its lease has ended, because it was stopped, suspended or cut off, no lease can prevent. What it
/// *writes* can be refused, where the place that it writes to compares tokens in the same transaction.
pub trait Leases: Send + Sync + 'static {
    /// The name in messages.
    fn name(&self) -> Name;

    /// Grants the lease for `ttl` from now on, if nobody holds it: the token.
    ///
    /// # Errors
    ///
    /// The place is away; it is asked again.
    fn claim(
        &self,
        lease: &str,
        holder: &str,
        ttl: Duration,
    ) -> impl Future<Output = Result<Option<u64>, LeaseError>> + Send;

    /// Extends the lease to `ttl` from now on; false if it was granted to somebody else meanwhile, or has ended.
    ///
    /// # Errors
    ///
    /// The place is away; it is asked again.
    fn renew(
        &self,
        lease: &str,
        token: u64,
        ttl: Duration,
    ) -> impl Future<Output = Result<bool, LeaseError>> + Send;

    /// Ends the lease, if it is still that one.
    ///
    /// # Errors
    ///
    /// The place is away; then the lease ends by itself.
    fn release(
        &self,
        lease: &str,
        token: u64,
    ) -> impl Future<Output = Result<(), LeaseError>> + Send;
}

/// The same, whatever the type.
pub(crate) trait AnyLeases: Send + Sync {
    fn name(&self) -> Name;

    fn claim<'a>(
        &'a self,
        lease: &'a str,
        holder: &'a str,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Option<u64>, LeaseError>>;

    fn renew<'a>(
        &'a self,
        lease: &'a str,
        token: u64,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<bool, LeaseError>>;

    fn release<'a>(&'a self, lease: &'a str, token: u64) -> BoxFuture<'a, Result<(), LeaseError>>;
}

impl<L: Leases> AnyLeases for L {
    fn name(&self) -> Name {
        Leases::name(self)
    }

    fn claim<'a>(
        &'a self,
        lease: &'a str,
        holder: &'a str,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Option<u64>, LeaseError>> {
        Box::pin(Leases::claim(self, lease, holder, ttl))
    }

    fn renew<'a>(
        &'a self,
        lease: &'a str,
        token: u64,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<bool, LeaseError>> {
        Box::pin(Leases::renew(self, lease, token, ttl))
    }

    fn release<'a>(&'a self, lease: &'a str, token: u64) -> BoxFuture<'a, Result<(), LeaseError>> {
        Box::pin(Leases::release(self, lease, token))
    }
}
