//! A worker process.

use std::net::SocketAddr;
use std::time::Duration;

use brigade::BoxError;
use tokio::io::AsyncReadExt as _;

use crate::archive::Archive;
use crate::args::Place;

/// How long what was taken in may need to be finished.
const DRAIN: Duration = Duration::from_secs(30);

/// Works until standard input ends: because it is told to stop so, or because who started it is gone.
pub async fn work(place: &Place, archive: SocketAddr) -> Result<(), BoxError> {
    let desk = place.desk(Archive::at(archive))?;
    let mut running = place.queue().await?.work(desk).spawn();
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
