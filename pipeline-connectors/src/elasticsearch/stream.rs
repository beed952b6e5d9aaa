//! Connections to a server.

use std::future::{Future as _, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

use bytes::Bytes;
use futures::future::{Either, select};
use http_body_util::{BodyExt as _, Limited};
use hyper::client::conn::http1::{Connection, SendRequest, handshake};
use hyper::header::HeaderMap;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use pipeline_runtime::BoxError;

use super::body::Body;
use super::transport::{Bytes as Transport, Reach};

/// The most bytes of an answer.
const ANSWER: usize = 64 << 20;

/// A connection that is open. It is driven by whoever asks over it, and by no task of its own.
pub(super) struct Open {
    sender: SendRequest<Body>,
    connection: Connection<TokioIo<Box<dyn Transport>>, Body>,
    is_over: bool,
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Open")
    }
}

/// What was answered.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Open {
    pub(super) async fn connect(reach: &Reach) -> Result<Self, BoxError> {
        let (sender, connection) = handshake(TokioIo::new(reach.connect().await?)).await?;
        Ok(Self {
            sender,
            connection,
            is_over: false,
        })
    }

    /// Whether the other end has not closed it meanwhile, as far as is known here.
    pub(super) async fn is_alive(&mut self) -> bool {
        poll_fn(|cx| {
            self.is_over = self.is_over || Pin::new(&mut self.connection).poll(cx).is_ready();
            Poll::Ready(!self.is_over && self.sender.is_ready())
        })
        .await
    }

    /// Asks, and returns the whole answer, also one that comes before the request is sent.
    ///
    /// When the future is dropped the connection is of no more use.
    pub(super) async fn ask(&mut self, request: Request<Body>) -> Result<Said, BoxError> {
        let Self {
            sender,
            connection,
            is_over,
        } = self;
        let answering = pin!(async {
            let (head, body) = sender.send_request(request).await?.into_parts();
            let body = Limited::new(body, ANSWER).collect().await?.to_bytes();
            Ok(Said {
                status: head.status,
                headers: head.headers,
                body,
            })
        });
        match select(answering, connection).await {
            Either::Left((said, _)) => said,
            // What it has brought is there all the same.
            Either::Right((_, answering)) => {
                *is_over = true;
                answering.await
            }
        }
    }
}
