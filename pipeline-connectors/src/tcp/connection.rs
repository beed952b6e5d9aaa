//! One connection.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use pipeline_runtime::source::{Line, Pulled, SourceError};
use tokio::net::TcpStream;

use crate::lines::{Budget, Intake, LastLine};

/// Waits until a connection has something to read, or has ended.
pub(super) type Turn = Pin<Box<dyn Future<Output = Connection> + Send + Sync>>;

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    pub(super) intake: Intake,
}

impl Connection {
    pub(super) fn new(
        stream: TcpStream,
        peer: SocketAddr,
        line_limit: usize,
        budget: &Arc<Budget>,
    ) -> Self {
        Self {
            stream,
            intake: Intake::new(peer.to_string().into(), line_limit, budget),
        }
    }

    pub(super) fn turn(self) -> Turn {
        Box::pin(async move {
            // An error shows again when it is read from.
            let _ = self.stream.readable().await;
            self
        })
    }

    /// The connection has ended: deals with its last line. One that broke before its first byte, as health checks do,
    /// is nothing.
    pub(super) fn end(self, broken: Option<io::Error>, last: LastLine, out: &mut Pulled<Line>) {
        match (broken, last) {
            (None, LastLine::Emit) => self.intake.finish(out),
            (broken, _) => {
                if let Some(failure) = self.failure(broken) {
                    out.fail(failure);
                }
            }
        }
    }

    /// The failure of the line that was cut off, or of the whole.
    fn failure(self, broken: Option<io::Error>) -> Option<SourceError> {
        let place = self.intake.reached();
        let cut_off = self.intake.cut_off();
        cut_off.or_else(|| {
            let error = broken.filter(|_| place.line.is_some())?;
            let said = format!("the connection broke ({error}); send again what is missing");
            Some(SourceError::new(said).at(place))
        })
    }
}

/// Whether a read that failed may succeed later.
pub(super) fn not_yet(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
