//! The address that is listened on.

use std::io;
use std::net::{SocketAddr, TcpListener};

use tokio::net::TcpStream;
use tokio::task::spawn_blocking;

use super::connections::{Accepts, Listens};
use crate::error::ServeError;

/// An address that is ours.
pub(crate) struct Listening {
    pub(crate) listener: TcpListener,
    pub(crate) address: SocketAddr,
}

impl Listening {
    /// Names are looked up, which may take its time.
    pub(crate) async fn on(address: String) -> Result<Self, ServeError> {
        let to = address.clone();
        let bound = spawn_blocking(move || bind(&to)).await;
        bound
            .unwrap_or_else(|error| Err(io::Error::other(error)))
            .map_err(|error| ServeError::Bind { address, error })
    }
}

fn bind(address: &str) -> io::Result<Listening> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok(Listening { listener, address })
}

impl Listens for TcpListener {
    type Accepts = tokio::net::TcpListener;

    fn enters(self) -> io::Result<Self::Accepts> {
        Self::Accepts::from_std(self)
    }
}

impl Accepts for tokio::net::TcpListener {
    type Stream = TcpStream;

    async fn accepts(&self) -> io::Result<TcpStream> {
        let (stream, _) = self.accept().await?;
        // Small answers are not to wait for more.
        let _ = stream.set_nodelay(true);
        Ok(stream)
    }
}
