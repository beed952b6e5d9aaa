//! The thread that serves a page.

mod answers;
mod connections;
mod gate;
mod listening;
mod names;
#[cfg(unix)]
mod socket;

use std::fmt;
use std::thread;
use std::time::Duration;

use axum::Router;
use tokio::sync::oneshot;

pub(crate) use self::answers::{guard, says};
use self::connections::Listens;
pub(crate) use self::gate::{Access, Gate, Hosts, Refused, Who};
pub(crate) use self::listening::Listening;
#[cfg(unix)]
pub(crate) use self::socket::{Removed, Socket};
use crate::error::ServeError;

/// The thread of a page; it ends when this is dropped.
pub(crate) struct Thread {
    stop: Option<oneshot::Sender<()>>,
    ended: Option<oneshot::Receiver<()>>,
}

impl Thread {
    /// Ends it, and waits for that.
    pub(crate) async fn stop(&mut self) {
        self.stop = None;
        if let Some(ended) = self.ended.take() {
            // An error means that it has ended.
            let _ = ended.await;
        }
    }
}

impl fmt::Debug for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Thread").finish_non_exhaustive()
    }
}

/// Serves these routes on a thread of its own.
pub(crate) fn serve<L: Listens>(listener: L, router: Router) -> Result<Thread, ServeError> {
    let (stop, stopped) = oneshot::channel::<()>();
    let (ends, ended) = oneshot::channel::<()>();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(ServeError::Thread)?;
    let work = move || {
        runtime.block_on(async move {
            let listener = match listener.enters() {
                Ok(listener) => listener,
                Err(error) => {
                    tracing::error!(%error, "the page cannot be served");
                    return;
                }
            };
            tokio::select! {
                never = connections::serve(listener, router) => match never {},
                _ = stopped => {}
            }
        });
        // With it go all tasks and what they hold.
        runtime.shutdown_timeout(Duration::from_secs(1));
        drop(ends);
    };
    thread::Builder::new()
        .name("brigade page".to_owned())
        .spawn(work)
        .map_err(ServeError::Thread)?;
    Ok(Thread {
        stop: Some(stop),
        ended: Some(ended),
    })
}
