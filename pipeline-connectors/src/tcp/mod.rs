//! Lines of TCP connections.

mod accept;
mod bind;
mod connection;
mod stats;

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use pipeline_runtime::Name;
use pipeline_runtime::source::{Flow, Line, Pulled, Source, SourceError};

use crate::lines::{Block, Budget, LastLine, Reserved};
use accept::Acceptor;
use connection::{Connection, Turn};

pub use bind::{BindError, Listen, tcp};
pub use stats::{TcpSnapshot, TcpStats};

/// How many bytes a connection may bring in one turn.
const READ: usize = 32 * 1024;

/// A listener, and the lines of all its connections, as [`Listen::bind`] makes it.
///
/// The connections are read in turn, one buffer of up to 32 KiB each, so that a fast one does not keep the others
/// waiting. While there is no room under the byte bound nothing is read, and the senders are slowed down by TCP itself.
/// A line may arrive in pieces; it ends with `\n` or `\r\n`; blank lines count as filtered. What stands behind the last
/// line end of a connection is a failure, unless [`Listen::last_line`] says otherwise.
///
/// There is no task beside the pull: dropping the source closes the listener and all connections.
///
/// # Errors
///
/// None ends the source. Each of these is a failure with the peer, the line's number and its offset, and touches no
/// other connection: a line that is too long, not UTF-8, or cut off by the end of its connection
/// ([`LineError`](crate::source::LineError)); a connection that is reset after its first byte. What goes wrong while
/// accepting is counted in [`TcpStats`]; where it is for want of file descriptors or memory, the listener waits up to a
/// second and goes on.
///
/// # Cancel safety
///
/// A dropped pull loses nothing. Dropping the source loses what was received and not yet pulled, as it does what waits
/// in the sockets: the senders of a protocol without acknowledgements must send again what they are not sure of.
#[derive(Debug)]
#[must_use = "a source reads nothing until a pipeline pulls from it"]
pub struct Tcp {
    local: SocketAddr,
    line_limit: usize,
    last_line: LastLine,
    acceptor: Acceptor,
    /// Connections that wait for bytes; those that have some come out in the order in which they got them.
    waiting: FuturesUnordered<Turn>,
    budget: Arc<Budget>,
    /// How many bytes of unfinished lines the connections hold together.
    unfinished: usize,
    /// Room for the next read, and the buffer for it.
    room: Option<Reserved>,
    spare: Vec<u8>,
    /// The connection whose turn it is, and what it brought.
    current: Option<(Connection, Block)>,
    stats: TcpStats,
}

impl Tcp {
    /// The address it listens on: the port that was chosen, where port 0 was asked for.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// A handle that counts connections. It may outlive the source.
    #[must_use]
    pub fn stats(&self) -> TcpStats {
        self.stats.clone()
    }

    /// Splits what the current connection has brought, and sends it back to wait when that is used up.
    fn split(&mut self, full: usize, out: &mut Pulled<Line>) {
        let Some((connection, block)) = &mut self.current else {
            return;
        };
        self.unfinished -= connection.intake.unfinished();
        connection.intake.take(block, full, out);
        self.unfinished += connection.intake.unfinished();
        if block.is_empty() {
            let (connection, block) = self.current.take().expect("it was just used");
            self.spare = block.buffer;
            self.waiting.push(connection.turn());
        }
    }

    /// Waits until a connection has brought something, or is gone. `Ready(true)` if there will be nothing more.
    fn poll_turn(&mut self, cx: &mut Context<'_>, out: &mut Pulled<Line>) -> Poll<bool> {
        self.accept(cx);
        if self.room.is_none() {
            self.budget.set_unfinished(self.unfinished);
            let length = self.budget.portion(READ);
            self.room = ready!(self.budget.poll_reserve(cx, length));
        }
        loop {
            match ready!(self.waiting.poll_next_unpin(cx)) {
                None if self.acceptor.is_closed() => return Poll::Ready(true),
                None => return Poll::Pending,
                Some(connection) => {
                    if self.read(connection, out) {
                        return Poll::Ready(false);
                    }
                }
            }
        }
    }

    fn accept(&mut self, cx: &mut Context<'_>) {
        while let Poll::Ready((stream, peer)) = self.acceptor.poll_accept(cx, &self.stats) {
            let connection = Connection::new(stream, peer, self.line_limit, &self.budget);
            self.waiting.push(connection.turn());
        }
    }

    /// Reads one buffer from a connection that said it has something. Whether the pull has something to do now.
    fn read(&mut self, connection: Connection, out: &mut Pulled<Line>) -> bool {
        let room = self.room.as_ref().map_or(0, Reserved::bytes);
        let mut buffer = std::mem::take(&mut self.spare);
        buffer.resize(room, 0);
        match connection.stream.try_read(&mut buffer) {
            Ok(filled @ 1..) => {
                let mut reserved = self.room.take().expect("it was reserved before reading");
                reserved.shrink(filled);
                let block = Block {
                    buffer,
                    filled,
                    used: 0,
                    reserved,
                };
                self.current = Some((connection, block));
                return true;
            }
            Err(error) if connection::not_yet(&error) => self.waiting.push(connection.turn()),
            ended => {
                self.unfinished -= connection.intake.unfinished();
                self.stats.closed();
                connection.end(ended.err(), self.last_line, out);
            }
        }
        self.spare = buffer;
        !out.is_empty()
    }
}

impl Source for Tcp {
    type Item = Line;

    async fn pull(&mut self, max: usize, out: &mut Pulled<Line>) -> Result<Flow, SourceError> {
        let before = out.len();
        let full = before.saturating_add(max);
        loop {
            self.split(full, out);
            if out.len() > before {
                return Ok(Flow::More);
            }
            if poll_fn(|cx| self.poll_turn(cx, out)).await {
                return Ok(Flow::End);
            }
        }
    }

    fn name(&self) -> Name {
        "tcp".into()
    }
}
