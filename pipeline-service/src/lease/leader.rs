//! One of several that does the work.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use pipeline_runtime::Name;

use super::error::LeaseError;
use super::holder::holder;
use super::keeper::{Keeper, Renews};
use super::lease::Lease;
use super::leases::{AnyLeases, Leases};
use super::since::Since;

const TTL: Duration = Duration::from_secs(15);

/// A lease that processes of several instances of a program compete for; [`Process::led_by`](crate::Process::led_by) takes it.
///
/// **Several workers of one queue need none**: the queue gives each message to one. It is for what has no queue, and must be
/// done by one at a time.
///
/// The lease is extended from a third of its time on. Where that is not possible, the process has the last third of the time
/// to end in; then it is aborted, before another can have it. A program that was stopped, suspended or is in a blocking call
/// does not notice: what it still does may happen twice. What it *writes* can be refused, where that lies beside the leases:
/// `fenced` of a table in the same database, and `fence` for a transaction of yours, take the lease of the run
/// ([`Context::lease`](crate::Context::lease)). Elsewhere give it the [token](crate::Context::token), and refuse older ones
/// there.
///
/// # Examples
///
/// ```
/// use pipeline_service::{Leader, Service, lease};
///
/// let leader = Leader::new(lease::memory(), "writer");
/// let service = Service::new("copies", ()).process("write", |p| {
///     p.led_by(&leader).task(|cx, mut stop| async move {
///         println!("leads with {:?}", cx.token());
///         stop.requested().await;
///     })
/// });
/// # let _ = service;
/// ```
#[derive(Clone)]
pub struct Leader {
    leases: Arc<dyn AnyLeases>,
    name: Name,
    ttl: Duration,
}

impl fmt::Debug for Leader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leader")
            .field("name", &self.name)
            .field("ttl", &self.ttl)
            .finish_non_exhaustive()
    }
}

impl Leader {
    /// The lease of that name.
    #[must_use]
    pub fn new(leases: impl Leases, name: impl Into<Name>) -> Self {
        Self {
            leases: Arc::new(leases),
            name: name.into(),
            ttl: TTL,
        }
    }

    /// For how long it is granted, and extended: so long nobody leads where the holder is gone without a word. The default is
    /// 15 s; 0 is an error at the start of the service.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    pub(crate) fn leads(&self) -> Leads {
        Leads { of: self.clone() }
    }

    pub(crate) fn has_no_time(&self) -> bool {
        self.ttl.is_zero()
    }
}

/// One who competes for a lease.
pub(crate) struct Leads {
    of: Leader,
}

impl Leads {
    /// Waits until the lease is granted.
    ///
    /// # Cancel safety
    ///
    /// A lease that was granted and not told of ends by itself.
    pub(crate) async fn granted(&self) -> Lead {
        let Leader { leases, name, ttl } = &self.of;
        let mut was_away = false;
        loop {
            let asked = Since::now();
            let claim = tokio::time::timeout(*ttl / 3, leases.claim(name, holder(), *ttl));
            match claim.await {
                Ok(Ok(Some(token))) => return Lead::new(self.of.clone(), token, asked),
                Ok(Ok(None)) => was_away = false,
                other => {
                    let why = match &other {
                        Ok(Err(error)) => error.to_string(),
                        _ => "no answer".to_owned(),
                    };
                    if !std::mem::replace(&mut was_away, true) {
                        tracing::warn!(lease = %name, leases = %leases.name(), why, "a lease cannot be asked for");
                    }
                }
            }
            tokio::time::sleep(*ttl / 3).await;
        }
    }
}

/// A lease that was granted.
pub(crate) struct Lead {
    of: Leader,
    token: u64,
    pub(crate) keeper: Keeper,
}

impl Lead {
    fn new(of: Leader, token: u64, asked: Since) -> Self {
        let held = Held {
            of: of.clone(),
            token,
        };
        Self {
            keeper: Keeper::new(Arc::new(held), of.ttl, asked),
            of,
            token,
        }
    }

    /// What was granted.
    pub(crate) fn lease(&self) -> Lease {
        Lease::new(self.of.name.clone(), self.token, self.of.ttl)
    }

    /// Somebody else may have it.
    pub(crate) async fn release(self) {
        let Self { of, token, keeper } = self;
        drop(keeper);
        let released = tokio::time::timeout(of.ttl / 3, of.leases.release(&of.name, token));
        if !matches!(released.await, Ok(Ok(()))) {
            tracing::debug!(lease = %of.name, "a lease was not released, and ends by itself");
        }
    }
}

struct Held {
    of: Leader,
    token: u64,
}

impl Renews for Held {
    fn what(&self) -> String {
        self.of.name.to_string()
    }

    fn renew(&self, ttl: Duration) -> BoxFuture<'_, Result<bool, LeaseError>> {
        self.of.leases.renew(&self.of.name, self.token, ttl)
    }
}
