//! What the audit asks a server: plain HTTP, and nothing of brigade.

use brigade::BoxError;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// An index, as its readers see it.
pub struct Reader {
    client: Client<HttpConnector, Full<Bytes>>,
    url: String,
    index: String,
}

impl Reader {
    pub fn at(url: &str, index: &str) -> Result<Self, BoxError> {
        if url.contains('@') {
            return Err("the audit reads without a password; write the URL without one".into());
        }
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).build_http(),
            url: url.trim_end_matches('/').to_owned(),
            index: index.to_owned(),
        })
    }

    /// Makes the index; outlines are kept, and not looked into.
    pub async fn make_index(&self) -> Result<(), BoxError> {
        let mapping =
            r#"{"mappings":{"properties":{"geometry":{"type":"object","enabled":false}}}}"#;
        match self.ask(Method::PUT, "", mapping).await? {
            (StatusCode::OK | StatusCode::CREATED, _) => Ok(()),
            (status, body) => {
                let said = String::from_utf8_lossy(&body);
                Err(format!(
                    "no index `{}` is made ({status}): {said}; name another with `--index`",
                    self.index
                )
                .into())
            }
        }
    }

    /// How many documents there are.
    pub async fn count(&self) -> Result<u64, BoxError> {
        self.ask(Method::POST, "/_refresh", "").await?;
        let (status, body) = self.ask(Method::GET, "/_count", "").await?;
        let said: Value = serde_json::from_slice(&body)?;
        let count = said["count"].as_u64();
        count.ok_or_else(|| format!("no count ({status}): {said}").into())
    }

    /// The answer that has the document of this key in it, if there is one.
    pub async fn document(&self, key: &str) -> Result<Option<Bytes>, BoxError> {
        let (status, body) = self.ask(Method::GET, &format!("/_doc/{key}"), "").await?;
        match status {
            StatusCode::OK => Ok(Some(body)),
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(format!("document {key}: {status}").into()),
        }
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: &'static str,
    ) -> Result<(StatusCode, Bytes), BoxError> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}/{}{path}", self.url, self.index))
            .header("content-type", "application/json")
            .body(Full::from(body))?;
        let answer = self.client.request(request).await?;
        let status = answer.status();
        Ok((status, answer.into_body().collect().await?.to_bytes()))
    }
}
