//! A tick that one of several instances has.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures::future::BoxFuture;

use super::store::AnySchedules;
use crate::lease::{Keeper, LeaseError, Renews, Since};

/// For how long a tick is granted, and extended.
pub(crate) const TTL: Duration = Duration::from_secs(30);

/// How often the place is told what became of a tick. It ends by itself, and then comes again.
const TOLD: u32 = 5;

/// A tick that this instance has.
pub(crate) struct Claim {
    of: Arc<Held>,
    pub(crate) keeper: Keeper,
}

struct Held {
    store: Arc<dyn AnySchedules>,
    schedule: String,
    token: u64,
}

impl Claim {
    pub(crate) fn new(
        store: Arc<dyn AnySchedules>,
        schedule: String,
        token: u64,
        asked: Since,
    ) -> Self {
        let of = Arc::new(Held {
            store,
            schedule,
            token,
        });
        Self {
            keeper: Keeper::new(Arc::clone(&of) as Arc<dyn Renews>, TTL, asked),
            of,
        }
    }

    /// It is done, and so is all that was due until then.
    pub(crate) async fn done(self, until: SystemTime) {
        let of = &self.of;
        for _ in 0..TOLD {
            let done = of.store.done(&of.schedule, of.token, until);
            match tokio::time::timeout(TTL / 3, done).await {
                Ok(Ok(true)) => return,
                Ok(Ok(false)) => break,
                Ok(Err(_)) => tokio::time::sleep(TTL / 30).await,
                Err(_) => {}
            }
        }
        tracing::warn!(
            schedule = of.schedule,
            "a tick is done, and nobody knows: it will come again"
        );
    }

    /// Somebody else may have it.
    pub(crate) async fn release(self) {
        let Self { of, keeper } = self;
        // First: what extends it afterwards would take it back.
        drop(keeper);
        let released = of.store.release(&of.schedule, of.token);
        // Else it ends by itself.
        let _ = tokio::time::timeout(TTL / 30, released).await;
    }
}

impl Renews for Held {
    fn what(&self) -> String {
        format!("tick of {}", self.schedule)
    }

    fn renew(&self, ttl: Duration) -> BoxFuture<'_, Result<bool, LeaseError>> {
        self.store.renew(&self.schedule, self.token, ttl)
    }
}
