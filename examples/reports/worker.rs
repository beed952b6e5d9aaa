//! A worker process.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use brigade::BoxError;
use brigade::link::link;
use tokio::io::AsyncReadExt as _;
use tokio::time::timeout;

use crate::archive::Archive;
use crate::calls::Calls;
use crate::place::{Place, Tools};
use crate::system::{Desk, system};

/// How long what is left to be told outside may take.
const FLUSH: Duration = Duration::from_secs(30);

/// Works until standard input ends: because it is told to stop so, or because who started it is gone.
pub async fn work<P: Place>(place: &P, archive: SocketAddr) -> Result<(), BoxError> {
    let Tools {
        journal,
        letters,
        rows,
        totals,
        schedules,
    } = place.tools().await?;
    let outside = place.outside().await?;
    let desk = Desk::<P> {
        queue: place.queue().await?,
        journal,
        letters,
        rows,
        totals,
        schedules,
        reports: link(100).named("reports"),
        customers: link(100).named("customers"),
        users: link(100).named("users"),
        outside: outside.clone(),
        spool: place.home().spool(),
        archive: Archive::at(archive),
        calls: Calls::open(&place.home().calls())?,
        passed: Arc::default(),
    };
    let worked = system(desk).run_until(told_to_stop()).await;
    // What the others hear of it is written before it ends.
    timeout(FLUSH, outside.flush()).await?;
    worked?;
    Ok(())
}

/// Returns when standard input ends.
pub async fn told_to_stop() {
    let mut nothing = [0];
    let _ = tokio::io::stdin().read(&mut nothing).await;
}
