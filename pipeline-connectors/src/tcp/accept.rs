//! The listener's end of the connections.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Sleep, sleep};

use super::TcpStats;

/// How long to wait after the first error that waiting may cure; it doubles up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(10);
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// Accepts connections, whatever happens.
#[derive(Debug)]
pub(super) struct Acceptor {
    /// `None` once it has taken all that it should.
    listener: Option<TcpListener>,
    left: Option<u64>,
    wait: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl Acceptor {
    pub(super) fn new(listener: TcpListener, connections: Option<u64>) -> Self {
        Self {
            listener: (connections != Some(0)).then_some(listener),
            left: connections,
            wait: FIRST_WAIT,
            waiting: None,
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.listener.is_none()
    }

    /// The next connection.
    pub(super) fn poll_accept(
        &mut self,
        cx: &mut Context<'_>,
        stats: &TcpStats,
    ) -> Poll<(TcpStream, SocketAddr)> {
        loop {
            let Some(listener) = &self.listener else {
                return Poll::Pending;
            };
            if let Some(waiting) = &mut self.waiting {
                ready!(waiting.as_mut().poll(cx));
                self.waiting = None;
            }
            match ready!(listener.poll_accept(cx)) {
                Ok(accepted) => {
                    stats.accepted();
                    self.accepted();
                    return Poll::Ready(accepted);
                }
                Err(error) => {
                    stats.accept_error();
                    self.failed(&error);
                }
            }
        }
    }

    fn accepted(&mut self) {
        self.wait = FIRST_WAIT;
        if let Some(left) = &mut self.left {
            *left -= 1;
            if *left == 0 {
                self.listener = None;
            }
        }
    }

    /// The peer was gone already: the next one may be there. Anything else is tried again later.
    fn failed(&mut self, error: &io::Error) {
        let gone = matches!(
            error.kind(),
            ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::Interrupted
        );
        if !gone {
            self.waiting = Some(Box::pin(sleep(self.wait)));
            self.wait = (self.wait * 2).min(LONGEST_WAIT);
        }
    }
}
