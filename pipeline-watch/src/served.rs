//! A page that is served.

use std::fmt::{self, Write as _};
use std::net::SocketAddr;
#[cfg(unix)]
use std::path::Path;

#[cfg(unix)]
use crate::server::Removed;
use crate::server::Thread;
use crate::token::Token;

/// A page that is served, until this is stopped or dropped. `Display` says where, without the token.
#[must_use = "dropping it ends the page"]
pub struct Served {
    address: SocketAddr,
    token: Option<Token>,
    thread: Thread,
}

impl Served {
    pub(crate) fn new(address: SocketAddr, token: Option<Token>, thread: Thread) -> Self {
        Self {
            address,
            token,
            thread,
        }
    }

    /// Where it listens, with the port that was chosen.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What to open in a browser. The token is in it, behind the `#`, which no browser sends and no server logs; whoever has this
    /// text can look at everything, and change it.
    #[must_use]
    pub fn url(&self) -> String {
        match &self.token {
            Some(token) => format!("{self}#token={}", encoded(token.text())),
            None => self.to_string(),
        }
    }

    /// The token, for programs: `Authorization: Bearer …`. `None` where nothing needs one.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.token.as_ref().map(Token::text)
    }

    /// Ends it, with all connections, and waits for that.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it ends anyway.
    pub async fn stop(mut self) {
        self.thread.stop().await;
    }
}

/// A page on a socket of the file system, until this is stopped or dropped.
#[cfg(unix)]
#[must_use = "dropping it ends the page"]
pub struct ServedUnix {
    path: Removed,
    thread: Thread,
}

#[cfg(unix)]
impl ServedUnix {
    pub(crate) fn new(path: Removed, thread: Thread) -> Self {
        Self { path, thread }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path.0
    }

    /// Ends it, with all connections, and waits for that.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it ends anyway.
    pub async fn stop(mut self) {
        self.thread.stop().await;
    }
}

#[cfg(unix)]
impl fmt::Debug for ServedUnix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServedUnix")
            .field("path", &self.path.0)
            .finish_non_exhaustive()
    }
}

/// As it may stand in an address.
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(byte.into());
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

impl fmt::Display for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}/", self.address)
    }
}

impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Served")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}
