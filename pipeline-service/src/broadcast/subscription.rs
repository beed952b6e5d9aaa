//! What somebody hears of a broadcast.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::{Stream, StreamExt as _};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::reading::Numbered;

/// Events that a listener has missed, because it was too far behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("missed {0} events of a broadcast")]
pub struct Gap(u64);

impl Gap {
    /// How many.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.0
    }
}

/// What somebody hears of a broadcast: each event, or a [`Gap`] where it was too far behind; [`Broadcast::subscribe`](super::Broadcast::subscribe) makes it.
#[must_use = "a stream does nothing until it is polled"]
pub struct Subscription<E>(Pin<Box<dyn Stream<Item = Result<E, Gap>> + Send>>);

impl<E> fmt::Debug for Subscription<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Subscription").finish()
    }
}

impl<E: Clone + Send + 'static> Subscription<E> {
    pub(super) fn new(events: Receiver<E>) -> Self {
        Self(Box::pin(futures::stream::unfold(events, next)))
    }

    /// Of events that have numbers, those after this one.
    pub(super) fn after(number: u64, events: Receiver<Numbered<E>>) -> Self {
        let behind = Behind {
            events,
            number,
            next: None,
        };
        Self(Box::pin(futures::stream::unfold(behind, Behind::next)))
    }
}

impl<E> Subscription<E> {
    /// The next event; `None` when the broadcast is gone.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    #[expect(
        clippy::should_implement_trait,
        reason = "it is that of streams, and returns a future"
    )]
    pub fn next(&mut self) -> impl Future<Output = Option<Result<E, Gap>>> + Send {
        self.0.next()
    }
}

impl<E> Stream for Subscription<E> {
    type Item = Result<E, Gap>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(cx)
    }
}

/// What a listener gets next.
async fn next<E: Clone>(mut events: Receiver<E>) -> Option<(Result<E, Gap>, Receiver<E>)> {
    match events.recv().await {
        Ok(event) => Some((Ok(event), events)),
        Err(RecvError::Lagged(missed)) => Some((Err(Gap(missed)), events)),
        Err(RecvError::Closed) => None,
    }
}

/// Who listens to events that have numbers: what it has missed is what is between two of them.
struct Behind<E> {
    events: Receiver<Numbered<E>>,
    /// The last that was heard of.
    number: u64,
    /// What comes after a gap.
    next: Option<E>,
}

impl<E: Clone> Behind<E> {
    async fn next(mut self) -> Option<(Result<E, Gap>, Self)> {
        if let Some(event) = self.next.take() {
            return Some((Ok(event), self));
        }
        loop {
            let (number, event) = match self.events.recv().await {
                Ok(numbered) => numbered,
                // The next one says how many that were.
                Err(RecvError::Lagged(_)) => continue,
                Err(RecvError::Closed) => return None,
            };
            // Where the numbers were set back it goes on from there.
            let passed = number.saturating_sub(self.number);
            self.number = number;
            let missed = passed.saturating_sub(u64::from(event.is_some()));
            match (missed, event) {
                (0, None) => {}
                (0, Some(event)) => return Some((Ok(event), self)),
                (missed, event) => {
                    self.next = event;
                    return Some((Err(Gap(missed)), self));
                }
            }
        }
    }
}
