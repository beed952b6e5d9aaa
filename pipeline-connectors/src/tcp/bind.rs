//! How a listener is made.

use std::fmt::Display;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use futures::stream::FuturesUnordered;
use tokio::net::{TcpListener, TcpSocket, ToSocketAddrs, lookup_host};

use super::accept::Acceptor;
use super::{Tcp, TcpStats};
use crate::descriptors;
use crate::lines::{BYTE_BOUND, Budget, LINE_LIMIT, LastLine};

/// How many connections may wait to be accepted. Where more come at once, the system makes them try again after a
/// second; the usual 128 are too few for a thousand senders that start together.
const BACKLOG: u32 = 4096;

/// A source of the lines that any number of TCP connections send to `address`; port 0 chooses a free one.
///
/// # Examples
///
/// ```
/// # use pipeline_connectors::source;
/// # async fn listen() -> Result<(), Box<dyn std::error::Error>> {
/// let posts = source::tcp("127.0.0.1:0").bind().await?;
/// println!("listening on {}", posts.local_addr());
/// # Ok(())
/// # }
/// ```
pub fn tcp<A: ToSocketAddrs + Display>(address: A) -> Listen<A> {
    Listen {
        address,
        line_limit: LINE_LIMIT,
        byte_bound: BYTE_BOUND,
        connections: None,
        last_line: LastLine::default(),
    }
}

/// What [`tcp`] returns: a listener before it listens.
#[derive(Debug, Clone)]
#[must_use = "it does not listen before `bind`"]
pub struct Listen<A> {
    address: A,
    line_limit: usize,
    byte_bound: usize,
    connections: Option<u64>,
    last_line: LastLine,
}

impl<A: ToSocketAddrs + Display> Listen<A> {
    /// How long a line may be, in bytes of text. The default is 1 MiB. A longer line is a failure; its bytes are
    /// skipped without being kept.
    pub fn line_limit(mut self, bytes: usize) -> Self {
        self.line_limit = bytes;
        self
    }

    /// How many bytes may be read, from all connections together, that have not yet left the pipeline's first stage.
    /// The default is 4 MiB. Where unfinished lines alone need more, only as much is read as finishes one of them:
    /// at the worst, each connection holds one line of the limit.
    pub fn byte_bound(mut self, bytes: usize) -> Self {
        self.byte_bound = bytes;
        self
    }

    /// Takes only this many connections in all, and ends when they are closed. The default is to take any number and
    /// to end only by a drain.
    pub fn connections(mut self, count: u64) -> Self {
        self.connections = Some(count);
        self
    }

    /// What a last line without a line end is. The default is [`LastLine::Fail`].
    pub fn last_line(mut self, last_line: LastLine) -> Self {
        self.last_line = last_line;
        self
    }

    /// Begins to listen.
    ///
    /// # Errors
    ///
    /// If the port is in use, may not be used, or the address is not one of this machine.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn bind(self) -> Result<Tcp, BindError> {
        let listening = async {
            let listener = listen(&self.address).await?;
            let local = listener.local_addr()?;
            Ok((listener, local))
        };
        let (listener, local) = listening.await.map_err(|error: io::Error| BindError {
            address: self.address.to_string(),
            advice: advice(&error),
            error,
        })?;
        Ok(Tcp {
            local,
            line_limit: self.line_limit,
            last_line: self.last_line,
            acceptor: Acceptor::new(listener, self.connections),
            waiting: FuturesUnordered::new(),
            budget: Budget::new(self.byte_bound),
            unfinished: 0,
            room: None,
            spare: Vec::new(),
            current: None,
            stats: TcpStats::default(),
        })
    }
}

/// Listens on the first of the addresses that can be had.
async fn listen(address: &impl ToSocketAddrs) -> io::Result<TcpListener> {
    let mut last = io::Error::new(ErrorKind::InvalidInput, "it has no address");
    for address in lookup_host(address).await? {
        match listen_on(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn listen_on(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // On Windows this would let two programs have the port.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// A listener that could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {advice} ({error})")]
#[non_exhaustive]
pub struct BindError {
    /// The address as it was given.
    pub address: String,
    /// What is wrong and what to do.
    advice: &'static str,
    /// What the system said.
    pub error: io::Error,
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        _ if descriptors::ran_out(error) => descriptors::ADVICE,
        ErrorKind::AddrInUse => {
            "the port is in use; stop the program that listens there, or choose another port"
        }
        ErrorKind::PermissionDenied => "this port needs privileges; choose one of 1024 or above",
        ErrorKind::AddrNotAvailable => {
            "the address is not one of this machine; use 127.0.0.1, or 0.0.0.0 for all of its addresses"
        }
        _ => "write it as `host:port`, with a host of this machine",
    }
}
