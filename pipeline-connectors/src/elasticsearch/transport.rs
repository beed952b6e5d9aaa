//! What bytes go over to a server: a connection, encrypted or not.

use pipeline_runtime::BoxError;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::address::Address;
#[cfg(feature = "elasticsearch-tls")]
use super::tls::Encrypts;

/// What bytes are written to and read from.
pub(super) trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}

impl<B: AsyncRead + AsyncWrite + Send + Unpin> Bytes for B {}

/// Where a server is, and how it is reached.
#[derive(Debug)]
pub(super) struct Reach {
    pub(super) address: Address,
    #[cfg(feature = "elasticsearch-tls")]
    pub(super) encrypts: Option<Encrypts>,
}

impl Reach {
    pub(super) async fn connect(&self) -> Result<Box<dyn Bytes>, BoxError> {
        let Address { host, port, .. } = &self.address;
        let stream = TcpStream::connect((host.as_str(), *port)).await?;
        // A request is written as a whole: nothing is gained by waiting for more.
        stream.set_nodelay(true)?;
        #[cfg(feature = "elasticsearch-tls")]
        if let Some(encrypts) = &self.encrypts {
            return Ok(Box::new(encrypts.over(stream).await?));
        }
        Ok(Box::new(stream))
    }
}
