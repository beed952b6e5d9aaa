//! What keeps a page from being served.

use std::io;
use std::net::SocketAddr;

/// Why a page is not served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address is no address of this machine, or somebody has it.
    #[error("`{address}` cannot be listened on: {error}")]
    Bind {
        /// As it was given.
        address: String,
        /// What the system says.
        error: io::Error,
    },
    /// The address can be reached from other machines.
    #[error(
        "`{address}` can be reached from other machines; `allow_remote`, a `token` of your own and `behind_proxy` allow that, and the \
         names that the page is reached by go into `hosts`"
    )]
    NotLoopback {
        /// Where it was to listen.
        address: SocketAddr,
    },
    /// A token of less than 16 bytes.
    #[error("a token of {bytes} bytes; it takes at least 16, which nobody can guess")]
    ShortToken {
        /// How many it has.
        bytes: usize,
    },
    /// The system has no random numbers for a token.
    #[error("no token can be made: {0}")]
    Random(String),
    /// The system gives no thread.
    #[error("no thread to serve the page in: {0}")]
    Thread(io::Error),
}
