//! A future that is polled within a scope.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::ticket::Scope;

pin_project! {
    /// Within `()` it is as large, and as fast, as the future itself.
    pub(super) struct Scoped<S, F> {
        scope: S,
        #[pin]
        future: F,
    }
}

impl<S: Scope, F: Future> Scoped<S, F> {
    #[inline]
    pub(super) fn new(scope: S, future: F) -> Self {
        Self { scope, future }
    }
}

impl<S: Scope, F: Future> Future for Scoped<S, F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let future = this.future;
        this.scope.within(|| future.poll(cx))
    }
}
