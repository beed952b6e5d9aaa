//! Asks a queue for messages.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::keeper::{Keeper, Open};
use super::poison::Poison;
use super::{Body, Delivery, Queue, Received};
use crate::bounds::BoxFuture;
use crate::retry::Retry;
use crate::source::{CarriedOf, Fault, Flow, Pulled, Puller, SourceError};
use crate::ticket::{Carried, Ticket};

type Item<Q> = Carried<Delivery<<Q as Queue>::Body>, Ticket>;

/// The receiving side of a queue.
#[doc(hidden)]
pub struct Receiving<Q: Queue> {
    asks: Asks<Q>,
    /// What was received and not yet asked for.
    ahead: VecDeque<Item<Q>>,
    /// Dropped when the pipeline is drained, which interrupts a long poll and a back-off alike.
    receiving: Option<BoxFuture<'static, Result<Vec<Item<Q>>, SourceError>>>,
    drained: bool,
    _open: Open,
}

/// How the queue is asked.
pub(super) struct Asks<Q> {
    pub(super) queue: Arc<Q>,
    pub(super) keeper: Arc<Keeper>,
    pub(super) prefetch: usize,
    pub(super) wait: Duration,
    pub(super) until_empty: bool,
    pub(super) poison: Poison,
}

impl<Q> Clone for Asks<Q> {
    fn clone(&self) -> Self {
        Self {
            queue: Arc::clone(&self.queue),
            keeper: Arc::clone(&self.keeper),
            poison: self.poison.clone(),
            ..*self
        }
    }
}

impl<Q: Queue> Receiving<Q> {
    pub(super) fn new(asks: Asks<Q>, open: Open) -> Self {
        Self {
            asks,
            ahead: VecDeque::new(),
            receiving: None,
            drained: false,
            _open: open,
        }
    }

    /// Waits until there is something ahead; there is nothing only at the end.
    fn poll_ahead(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SourceError>> {
        if self.ahead.is_empty() && !self.drained {
            let asks = &self.asks;
            let receiving = self
                .receiving
                .get_or_insert_with(|| Box::pin(asks.clone().receive()));
            let received = ready!(receiving.as_mut().poll(cx));
            self.receiving = None;
            self.ahead = received?.into();
        }
        Poll::Ready(Ok(()))
    }
}

impl<Q: Queue> Asks<Q> {
    /// Receives until there is a message, or nothing more is to come. What may pass by itself is waited for.
    async fn receive(self) -> Result<Vec<Item<Q>>, SourceError> {
        let (mut failures, backoff) = (0, Retry::exponential(u32::MAX));
        loop {
            self.keeper.room().await.map_err(SourceError::new)?;
            match self.queue.receive(self.prefetch, self.wait).await {
                Ok(messages) => {
                    if failures > 0 {
                        tracing::info!(queue = %self.queue.name(), failures, "the queue can be received from again");
                    }
                    failures = 0;
                    let over = self.until_empty && messages.is_empty();
                    let items = self.poison.sort_out(self.leased(messages)).await?;
                    if over || !items.is_empty() {
                        return Ok(items);
                    }
                    tokio::task::coop::consume_budget().await;
                }
                Err(error) if error.is_away() => {
                    failures += 1;
                    if failures == 1 {
                        tracing::warn!(queue = %self.queue.name(), %error, "cannot receive; tried again with back-off");
                    }
                    tokio::time::sleep(backoff.delay(failures).unwrap_or_default()).await;
                }
                Err(error) => {
                    return Err(SourceError::new(format!(
                        "queue `{}`: {error}",
                        self.queue.name()
                    )));
                }
            }
        }
    }

    /// Takes the messages in, before anything is waited for: from here on their tickets say what becomes of them.
    fn leased(&self, messages: Vec<Received<Q::Body>>) -> Vec<Item<Q>> {
        let queue = self.queue.name();
        let (items, leases): (Vec<_>, Vec<_>) = messages
            .into_iter()
            .map(|message| {
                let (delivery, receipt) = Delivery::new(message, Arc::clone(&queue));
                let original = delivery.original();
                (delivery, (receipt, original))
            })
            .unzip();
        let tickets = self.keeper.receive(leases);
        items
            .into_iter()
            .zip(tickets)
            .map(|(item, ticket)| Carried { item, ticket })
            .collect()
    }
}

impl<Q: Queue> Puller for Receiving<Q> {
    type Item = Delivery<Q::Body>;
    type Ticket = Ticket;

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<CarriedOf<Self>, Fault>>> {
        let ahead = ready!(self.poll_ahead(cx));
        Poll::Ready(match ahead {
            Ok(()) => self
                .ahead
                .pop_front()
                .map(|item| readable(item).map_err(|error| Fault { error, last: false })),
            Err(error) => Some(Err(Fault { error, last: true })),
        })
    }

    fn poll_pull(
        &mut self,
        cx: &mut Context<'_>,
        max: usize,
        out: &mut Pulled<CarriedOf<Self>>,
    ) -> Poll<Result<Flow, SourceError>> {
        ready!(self.poll_ahead(cx))?;
        let count = max.min(self.ahead.len());
        for item in self.ahead.drain(..count) {
            hand_out(item, out);
        }
        Poll::Ready(Ok(if count > 0 { Flow::More } else { Flow::End }))
    }

    fn drain(&mut self) -> bool {
        self.receiving = None;
        self.drained = true;
        true
    }

    fn stop(&mut self, out: &mut Pulled<CarriedOf<Self>>) {
        self.receiving = None;
        for item in self.ahead.drain(..) {
            hand_out(item, out);
        }
    }

    fn name(&self) -> Cow<'static, str> {
        self.asks.queue.name().to_string().into()
    }
}

/// A delivery, or the failure of one whose body is none of its type.
fn readable<B: Body>(
    item: Carried<Delivery<B>, Ticket>,
) -> Result<Carried<Delivery<B>, Ticket>, SourceError> {
    match item.item.body().unreadable() {
        None => Ok(item),
        Some(error) => Err(SourceError::of_message(error, item.ticket)),
    }
}

fn hand_out<B: Body>(
    item: Carried<Delivery<B>, Ticket>,
    out: &mut Pulled<Carried<Delivery<B>, Ticket>>,
) {
    match readable(item) {
        Ok(item) => out.items.push(item),
        Err(error) => out.fail(error),
    }
}
