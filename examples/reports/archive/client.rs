//! What a worker says to the archive.

use std::net::SocketAddr;

use brigade::BoxError;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::TOKEN;
use crate::errors::Rejected;
use crate::report::Report;

/// A client with a pool of connections. Clones share it.
#[derive(Debug, Clone)]
pub struct Archive {
    client: Client<HttpConnector, Full<Bytes>>,
    address: SocketAddr,
}

impl Archive {
    pub fn at(address: SocketAddr) -> Self {
        Self {
            client: Client::builder(TokioExecutor::new()).build_http(),
            address,
        }
    }

    /// Sends a report; its link. With the same token it may be sent again.
    pub async fn upload(
        &self,
        report: &Report,
        bytes: &[u8],
        token: &str,
    ) -> Result<String, BoxError> {
        let bytes = Bytes::copy_from_slice(bytes);
        self.ask(Method::PUT, report, Some(token), bytes).await
    }

    /// Whether the archive takes the report for good; what it says of it.
    pub async fn check(&self, report: &Report, digest: &str) -> Result<String, BoxError> {
        let digest = Bytes::copy_from_slice(digest.as_bytes());
        self.ask(Method::POST, report, None, digest).await
    }

    async fn ask(
        &self,
        method: Method,
        report: &Report,
        token: Option<&str>,
        body: Bytes,
    ) -> Result<String, BoxError> {
        let url = format!("http://{}/reports/{}", self.address, report.number);
        let mut request = Request::builder().method(method).uri(url);
        if let Some(token) = token {
            request = request.header(TOKEN, token);
        }
        let answer = self.client.request(request.body(Full::new(body))?).await?;
        let status = answer.status();
        let text = answer.into_body().collect().await?.to_bytes();
        let text = String::from_utf8(text.into())?;
        match status {
            StatusCode::OK | StatusCode::CREATED => Ok(text),
            StatusCode::UNPROCESSABLE_ENTITY => Err(Rejected(text).into()),
            status => Err(format!("the archive says {status}: {text}").into()),
        }
    }
}
