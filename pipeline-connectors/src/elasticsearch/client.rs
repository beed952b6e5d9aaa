//! Who asks a server.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use hyper::{Method, Request};
use pipeline_runtime::BoxError;
use tokio::time::timeout;

use super::body::Body;
use super::stats::BulkStats;
use super::stream::{Open, Said};
use super::transport::Reach;

/// For how long a connection is waited for.
const CONNECT: Duration = Duration::from_secs(10);
/// The most connections that are kept for later.
const KEPT: usize = 64;
const AGENT: &str = concat!("brigade/", env!("CARGO_PKG_VERSION"));

/// Asks one server, over connections that are kept.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) reach: Reach,
    pub(super) authorization: Option<HeaderValue>,
    /// How long a request may take.
    pub(super) within: Duration,
    pub(super) idle: Mutex<Vec<Open>>,
    pub(super) stats: BulkStats,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Unanswered {
    /// Nobody is there.
    NoConnection(String),
    /// The connection has ended; whether what was sent is done is not known.
    Broken(String),
    /// It took too long.
    Late,
}

impl Client {
    /// Asks, over a connection that is there or another. What is sent is made anew where one that was kept turns out to
    /// be closed.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: impl Fn() -> Body,
    ) -> Result<Said, Unanswered> {
        let mut asking = std::pin::pin!(self.asked(&method, path, &body));
        match timeout(self.within, &mut asking).await {
            Ok(said) => said,
            Err(_) => Err(Unanswered::Late),
        }
    }

    async fn asked(
        &self,
        method: &Method,
        path: &str,
        body: &impl Fn() -> Body,
    ) -> Result<Said, Unanswered> {
        if let Some(open) = self.kept().await {
            match self.over(open, method, path, body()).await {
                Ok(said) => return Ok(said),
                // It may have been closed just now, before the request had come.
                Err(_) => self.stats.broken(),
            }
        }
        let open = match timeout(CONNECT, Open::connect(&self.reach)).await {
            Ok(Ok(open)) => open,
            Ok(Err(error)) => return Err(Unanswered::NoConnection(causes(&error))),
            Err(_) => {
                let why = format!("no connection within {CONNECT:?}");
                return Err(Unanswered::NoConnection(why));
            }
        };
        let said = self.over(open, method, path, body()).await;
        said.map_err(|error| Unanswered::Broken(causes(&error)))
    }

    /// Asks over this connection, and keeps it.
    async fn over(
        &self,
        mut open: Open,
        method: &Method,
        path: &str,
        body: Body,
    ) -> Result<Said, BoxError> {
        let left = body.left();
        let path = format!("{}{path}", self.reach.address.prefix);
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, &self.reach.address.authority)
            .header(USER_AGENT, AGENT)
            .header(CONTENT_TYPE, "application/x-ndjson");
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let said = open.ask(request.body(body)?).await?;
        if left.is_none() && open.is_alive().await {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.len() < KEPT {
                idle.push(open);
            }
        }
        Ok(said)
    }

    /// A connection that is kept and still there.
    async fn kept(&self) -> Option<Open> {
        loop {
            let mut open = {
                let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
                idle.pop()?
            };
            if open.is_alive().await {
                return Some(open);
            }
        }
    }

    /// Whether the server is there, and well enough to answer something short.
    pub(super) async fn is_there(&self) -> bool {
        let said = self.ask(Method::GET, "/", Body::none).await;
        said.is_ok_and(|said| !said.status.is_server_error())
    }
}

/// An error with what caused it, where that says more.
fn causes(error: &BoxError) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        next = cause.source();
    }
    text
}
