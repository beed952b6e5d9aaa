//! The routes as a service, for a server of the program's own.

use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use futures::TryFutureExt as _;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::{Request, Response};
use pipeline_runtime::BoxError;
use tower_service::Service;

/// A page as a service of `tower`: [`Page::router`](crate::Page::router). Clones share what they show.
pub struct Routes<B> {
    router: Router,
    body: PhantomData<fn(B)>,
}

/// What it answers with.
pub struct Answer(axum::body::Body);

impl<B> Routes<B> {
    pub(crate) fn new(router: Router) -> Self {
        Self {
            router,
            body: PhantomData,
        }
    }
}

impl<B> Clone for Routes<B> {
    fn clone(&self) -> Self {
        Self::new(self.router.clone())
    }
}

impl<B> fmt::Debug for Routes<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Routes").finish_non_exhaustive()
    }
}

impl<B> Service<Request<B>> for Routes<B>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Answer>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<Request<B>>::poll_ready(&mut self.router, cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let answer = self.router.call(request);
        Box::pin(answer.map_ok(|answer| answer.map(Answer)))
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = Pin::new(&mut self.0).poll_frame(cx);
        frame.map(|frame| frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").finish_non_exhaustive()
    }
}
