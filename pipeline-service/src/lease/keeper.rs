//! Who extends a lease, and says when it is lost.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::error::LeaseError;
use super::since::Since;

/// How long is slept at most: a machine may be suspended, and nobody tells.
const STEP: Duration = Duration::from_secs(1);

/// A lease that is held.
pub(crate) trait Renews: Send + Sync + 'static {
    /// What it is called in messages.
    fn what(&self) -> String;

    /// Whether it is still ours, for `ttl` from now on.
    fn renew(&self, ttl: Duration) -> BoxFuture<'_, Result<bool, LeaseError>>;
}

/// Extends a lease until it is dropped.
pub(crate) struct Keeper {
    task: AbortHandle,
    /// Until when there is to end, once it is lost or cannot be extended.
    lost: watch::Receiver<Option<Instant>>,
}

impl Keeper {
    /// It was asked for at `asked`, from when its time counts.
    pub(crate) fn new(of: Arc<dyn Renews>, ttl: Duration, asked: Since) -> Self {
        let (tell, lost) = watch::channel(None);
        let task = tokio::spawn(async move {
            let left = keeps(&*of, ttl, asked).await;
            tracing::warn!(lease = of.what(), ?left, "a lease is lost");
            tell.send_replace(Some(Instant::now() + left));
            // Whoever asks later finds it, too.
            tell.closed().await;
        });
        Self {
            task: task.abort_handle(),
            lost,
        }
    }

    pub(crate) fn lost(&self) -> watch::Receiver<Option<Instant>> {
        self.lost.clone()
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.lost.borrow().is_some()
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Extends it from a third of its time on, and gives up when a third is left: that much there is to end in.
async fn keeps(of: &dyn Renews, ttl: Duration, mut since: Since) -> Duration {
    let third = ttl / 3;
    let until = ttl.saturating_sub(third);
    let mut due = third;
    loop {
        let passed = since.elapsed();
        if passed >= until {
            // A tenth of it is left to abort in.
            let left = ttl.saturating_sub(passed);
            return left.saturating_sub(left / 10);
        }
        if passed < due {
            tokio::time::sleep(due.saturating_sub(passed).min(STEP)).await;
            continue;
        }
        let asked = Since::now();
        let left = until.saturating_sub(passed);
        match tokio::time::timeout(left, of.renew(ttl)).await {
            Ok(Ok(true)) => (since, due) = (asked, third),
            Ok(Ok(false)) => return Duration::ZERO,
            Ok(Err(error)) => {
                tracing::debug!(lease = of.what(), %error, "a lease cannot be extended now");
                due = since.elapsed() + third / 4;
            }
            // No time is left.
            Err(_) => {}
        }
    }
}
