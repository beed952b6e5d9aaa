//! A worker process.

use std::net::SocketAddr;
use std::time::Duration;

use brigade::BoxError;
use tokio::io::AsyncReadExt as _;

use crate::archive::Archive;
use crate::calls::Calls;
use crate::job::{self, Desk};
use crate::place::Place;

/// How long what was taken in may need to be finished.
const DRAIN: Duration = Duration::from_secs(30);

/// Works until standard input ends: because it is told to stop so, or because who started it is gone.
pub async fn work<P: Place>(place: &P, archive: SocketAddr) -> Result<(), BoxError> {
    let desk = Desk {
        tools: place.tools().await?,
        spool: place.home().spool(),
        archive: Archive::at(archive),
        calls: Calls::open(&place.home().calls())?,
    };
    let mut running = job::reports::<P>(place.queue().await?, desk).spawn();
    let mut input = tokio::io::stdin();
    let mut nothing = [0];
    let ended = tokio::select! {
        ended = &mut running => ended,
        _ = input.read(&mut nothing) => running.drain(DRAIN).await,
    };
    match ended {
        Ok(_) => Ok(()),
        Err(failure) => Err(failure.to_string().into()),
    }
}
