//! Connections, as many as there may be, each for no longer than it is of use.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;

/// How many connections there may be at the same time. One more is closed at once.
pub(crate) const CONNECTIONS: usize = 64;

/// A request's head comes within so long, also the next one of a connection.
pub(crate) const HEAD: Duration = Duration::from_secs(5);

/// Who takes nothing for so long of what is written is gone.
pub(crate) const UNREAD: Duration = Duration::from_secs(10);

/// The most bytes of a head, and of what is buffered of a body.
const BUFFER: usize = 16 << 10;

/// A listener that no runtime knows yet.
pub(crate) trait Listens: Send + 'static {
    type Accepts: Accepts;

    /// The same in the runtime that is entered.
    fn enters(self) -> io::Result<Self::Accepts>;
}

/// A listener in its runtime.
pub(crate) trait Accepts: Send + 'static {
    type Stream: AsyncRead + AsyncWrite + Send + 'static;

    /// # Cancel safety
    ///
    /// Cancel safe.
    fn accepts(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

/// Takes connections until it is dropped, and with it all of them end.
pub(super) async fn serve<A: Accepts>(listener: A, router: Router) -> Infallible {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok(stream) = listener.accepts().await else {
            // No more files, as a rule: they come back when others are closed.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            continue;
        };
        let router = router.clone();
        connections.spawn(async move {
            // What breaks a connection is the other side's.
            let _ = connection(stream, router).await;
            drop(place);
        });
    }
}

async fn connection<S: AsyncRead + AsyncWrite + Send>(
    stream: S,
    router: Router,
) -> hyper::Result<()> {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(UNREAD));
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(BUFFER)
        .serve_connection(
            TokioIo::new(Box::pin(stream)),
            TowerToHyperService::new(router),
        )
        .await
}
