//! The address that is listened on.

use std::io;
use std::net::{SocketAddr, TcpListener};

use tokio::task::spawn_blocking;

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
