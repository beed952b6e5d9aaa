//! A request that was let in.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{StatusCode, header};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::metrics::Metrics;
use crate::server::{Gate, Refused};
use crate::state::Looks;

/// The longest body.
const BODY: usize = 4 << 10;

/// It comes within so long.
const COMES: Duration = Duration::from_secs(5);

/// What all routes share.
pub(crate) struct Shared {
    pub(crate) gate: Gate,
    pub(crate) looks: Arc<Looks>,
    pub(crate) metrics: Arc<Metrics>,
}

/// A request that was let in: the names in its path, in order, and all of it.
pub(crate) struct Asked {
    pub(crate) shared: Arc<Shared>,
    pub(crate) names: Vec<String>,
    pub(crate) request: Request,
}

impl Asked {
    /// The first name in its path.
    pub(crate) fn name(&self) -> &str {
        self.names.first().map_or("", |name| &**name)
    }

    /// The body, which is JSON and says so.
    pub(super) async fn body<T: DeserializeOwned>(&mut self) -> Result<T, Refused> {
        let kind = self.request.headers().get(header::CONTENT_TYPE);
        if kind.is_none_or(|kind| kind != "application/json") {
            return Err(Refused::with(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "the body is to be application/json",
            ));
        }
        let body = std::mem::replace(self.request.body_mut(), Body::empty());
        let body = timeout(COMES, to_bytes(body, BODY)).await;
        let body = body.map_err(|_| {
            Refused::with(StatusCode::REQUEST_TIMEOUT, "the body did not come in 5 s")
        })?;
        let body = body.map_err(|_| {
            Refused::with(
                StatusCode::PAYLOAD_TOO_LARGE,
                "the body has more than 4 KiB",
            )
        })?;
        serde_json::from_slice(&body)
            .map_err(|error| Refused::with(StatusCode::UNPROCESSABLE_ENTITY, &error.to_string()))
    }

    /// Whether there is one at all.
    pub(super) fn has_body(&self) -> bool {
        let length = self.request.headers().get(header::CONTENT_LENGTH);
        let is_empty = length.is_none_or(|length| length == "0");
        !is_empty
            || self
                .request
                .headers()
                .contains_key(header::TRANSFER_ENCODING)
    }
}
