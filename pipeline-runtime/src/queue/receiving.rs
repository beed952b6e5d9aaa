//! Asks a queue for messages.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::connecting::Connecting;
use super::keeper::{Keeper, Open, Suspicion};
use super::poison::Poison;
use super::{Ask, Body, Delivery, Queue, Received};
use crate::bounds::BoxFuture;
use crate::name::Name;
use crate::named::debug_by_name;
use crate::place::ErrorKind;
use crate::run::idle::Idle;
use crate::run::patience::Patience;
use crate::source::{Alone, CarriedOf, Fault, Flow, Pulled, Puller, SourceError};
use crate::ticket::{Carried, Fate, Keeps as _, KeptBy, Ticket};

/// How soon a queue is asked again that had nothing, while something is under way that may send more.
const PAUSE: Duration = Duration::from_millis(20);

/// How often in a lease an answer is looked for.
const LOOKS: u32 = 8;

type Item<Q> = Carried<Delivery<<Q as Queue>::Body>, Ticket>;

/// The receiving side of a queue.
pub struct Receiving<Q: Queue> {
    asks: Asks<Q>,
    /// What was received and not yet asked for.
    ahead: VecDeque<Item<Q>>,
    /// Dropped when the pipeline is drained, which interrupts a long poll and a back-off alike.
    receiving: Option<BoxFuture<'static, Result<Vec<Item<Q>>, SourceError>>>,
    /// The first of those ahead waits until a worker may begin with it.
    beginning: Option<BoxFuture<'static, Result<bool, SourceError>>>,
    drained: bool,
    _open: Open,
}

debug_by_name!(Receiving<Q: Queue>);

/// How the queue is asked.
pub(super) struct Asks<Q> {
    pub(super) queue: Arc<Q>,
    pub(super) keeper: Arc<Keeper>,
    pub(super) ask: Ask,
    /// Whether the queue can be asked for some kinds only.
    pub(super) can_choose: bool,
    pub(super) connecting: Arc<Connecting>,
    /// Who keeps items back.
    pub(super) idle: Arc<Idle>,
    /// It ends when there is nothing left to do.
    pub(super) until_idle: bool,
    pub(super) poison: Poison,
    /// Whether the queue tells deliveries that were worked on from those that only waited.
    pub(super) tells_begun: bool,
}

impl<Q> Clone for Asks<Q> {
    fn clone(&self) -> Self {
        Self {
            queue: Arc::clone(&self.queue),
            keeper: Arc::clone(&self.keeper),
            ask: self.ask.clone(),
            poison: self.poison.clone(),
            connecting: Arc::clone(&self.connecting),
            idle: Arc::clone(&self.idle),
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
            beginning: None,
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

    /// Waits until a worker may begin with some of those ahead; how many that are, 0 only at the end.
    fn poll_begin(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, SourceError>> {
        loop {
            ready!(self.poll_ahead(cx))?;
            let Asks {
                poison,
                tells_begun,
                ..
            } = &self.asks;
            if !tells_begun {
                return Poll::Ready(Ok(self.ahead.len()));
            }
            let suspicions = self.ahead.iter().map(|item| poison.suspicion(&item.item));
            let fresh = suspicions.take_while(|suspicion| *suspicion == Suspicion::None);
            let fresh = fresh.count();
            let Some(first) = self.ahead.front().filter(|_| fresh == 0) else {
                return Poll::Ready(Ok(fresh));
            };
            let beginning = self.beginning.get_or_insert_with(|| {
                let (suspicion, waiting) = (poison.suspicion(&first.item), self.ahead.len());
                let asks = self.asks.clone();
                Box::pin(asks.begin(first.ticket.slot(), suspicion, waiting))
            });
            let begun = ready!(beginning.as_mut().poll(cx));
            self.beginning = None;
            if begun? {
                return Poll::Ready(Ok(1));
            }
            if let Some(lost) = self.ahead.pop_front() {
                lost.ticket.resolve(Fate::Lost);
            }
        }
    }

    /// What waits is given back.
    fn give_back(&mut self) {
        self.beginning = None;
        for waits in self.ahead.drain(..) {
            waits.ticket.resolve(Fate::Unbegun);
        }
    }
}

impl<Q: Queue> Drop for Receiving<Q> {
    fn drop(&mut self) {
        self.give_back();
    }
}

impl<Q: Queue> Asks<Q> {
    /// Receives until there is a message, or nothing more is to come. What may pass by itself is waited for.
    async fn receive(self) -> Result<Vec<Item<Q>>, SourceError> {
        if !self.can_choose && !self.ask.kinds.is_empty() {
            let name = self.queue.name();
            return Err(SourceError::new(format!(
                "the queue `{name}` cannot be asked for some kinds of messages only; have a queue for each kind, or divide its messages with a `match`"
            )));
        }
        let connecting = Arc::clone(&self.connecting);
        let mut asking = connecting.asking();
        loop {
            self.keeper.room().await.map_err(SourceError::new)?;
            // Before it is asked: what is under way may send more while it is.
            let (is_over, asked) = (self.is_idle(), Instant::now());
            let receive = self.queue.receive(self.ask.clone());
            let (answer, since) = answer(receive, asked, self.keeper.lease()).await;
            match answer {
                Ok(messages) => {
                    connecting.answered(&mut asking, &self.keeper);
                    let nothing = messages.is_empty();
                    let items = self.poison.sort_out(self.leased(messages, since)).await?;
                    if (nothing && is_over) || !items.is_empty() {
                        return Ok(items);
                    }
                    if nothing {
                        self.flush(asked).await;
                    }
                    tokio::task::coop::consume_budget().await;
                }
                Err(error) if error.kind() == ErrorKind::Ended => return Ok(Vec::new()),
                Err(error) => {
                    let pause = connecting.pause(&mut asking, &self.keeper, error);
                    pause.await.map_err(SourceError::new)?;
                }
            }
        }
    }

    /// Waits until a worker may begin with a message that was delivered before, and marks it: what kills the process at
    /// once is counted. Whether its lease is still held.
    async fn begin(
        self,
        slot: Option<usize>,
        suspicion: Suspicion,
        waiting: usize,
    ) -> Result<bool, SourceError> {
        let Some(slot) = slot else { return Ok(true) };
        self.turn(slot, suspicion, waiting).await;
        let receipt = self.keeper.receipt(slot);
        let patience = Patience::new(format!("queue `{}`", self.queue.name()));
        let mut asking = patience.asking();
        loop {
            let marked = self.queue.mark_begun(vec![receipt.clone()]).await;
            let error = match marked {
                Ok(unsettled) => match unsettled.into_iter().next() {
                    None => break,
                    Some(entry) if entry.is_away() => entry.into_error(),
                    Some(_lost) => return Ok(false),
                },
                Err(error) if error.is_away() => error,
                Err(error) => {
                    return Err(SourceError::new(format!("{}: {error}", patience.place())));
                }
            };
            asking.pause(&error, true).await;
        }
        asking.answered();
        Ok(true)
    }

    /// Waits until a worker may begin with one of the messages that are `waiting` here. Those before it may lie in an open
    /// batch, which only more messages would fill: it goes on with what it has. Or they are kept until the input ends, and
    /// nobody works on those.
    async fn turn(&self, slot: usize, suspicion: Suspicion, waiting: usize) {
        let mut turn = pin!(self.keeper.turn(slot, suspicion));
        while timeout(PAUSE, &mut turn).await.is_err() {
            self.idle.flush();
            if self.keeper.snapshot().in_flight
                == (waiting + self.idle.kept(KeptBy(&*self.keeper))) as u64
            {
                return self.keeper.begins(slot, suspicion);
            }
        }
    }

    fn is_idle(&self) -> bool {
        self.until_idle && self.keeper.is_idle(self.idle.kept(KeptBy(&*self.keeper)))
    }

    /// Nothing came: open batches go on with what they have. Then waits until something is done, where the queue did not
    /// wait for a message.
    async fn flush(&self, asked: Instant) {
        if self.until_idle {
            self.idle.flush();
            let pause = PAUSE.saturating_sub(asked.elapsed());
            // Done or not: the queue is asked again.
            let _ = timeout(pause, self.keeper.settles()).await;
        }
    }

    /// Takes the messages in, before anything is waited for: from here on their tickets say what becomes of them.
    fn leased(&self, messages: Vec<Received<Q::Body>>, since: Instant) -> Vec<Item<Q>> {
        let queue: Arc<str> = self.queue.name().into();
        // Where the queue knows better: how long its answer was on its way cannot be seen from here.
        let known = messages.iter().filter_map(|message| message.leased_since);
        let since = known.min().map_or(since, Instant::from_std);
        let (items, leases): (Vec<_>, Vec<_>) = messages
            .into_iter()
            .map(|mut message| {
                if !self.tells_begun {
                    message.begun = message.receive_count.saturating_sub(1);
                }
                let (delivery, receipt) = Delivery::new(message, Arc::clone(&queue));
                let original = delivery.original();
                (delivery, (receipt, original))
            })
            .unzip();
        let tickets = self.keeper.receive(leases, since);
        items
            .into_iter()
            .zip(tickets)
            .map(|(item, ticket)| Carried { item, ticket })
            .collect()
    }
}

/// The answer, and since when at the earliest what it brings is leased.
///
/// A queue that is waited for leases at some time between question and answer, and its answer may lie here for long where
/// the process is stopped, or where nobody asks for more. So it is looked for time and again, and the leases count from
/// the look before the last one that found nothing: of what has come meanwhile, the last may be ahead, as the task that
/// reads from a connection is another one. That a network has held it up is not seen so: see [`Received::leased_since`].
async fn answer<T>(
    receive: impl Future<Output = T>,
    asked: Instant,
    lease: Duration,
) -> (T, Instant) {
    let mut receive = pin!(receive);
    let (mut since, mut last) = (asked, asked);
    let every = (lease / LOOKS).max(Duration::from_millis(1));
    loop {
        match timeout(every, &mut receive).await {
            Ok(answer) => return (answer, since),
            Err(_) => since = std::mem::replace(&mut last, Instant::now()),
        }
    }
}

impl<Q: Queue> Alone for Receiving<Q> {}

impl<Q: Queue> Puller for Receiving<Q> {
    type Item = Delivery<Q::Body>;
    type Ticket = Ticket;

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<CarriedOf<Self>, Fault>>> {
        let ahead = ready!(self.poll_begin(cx));
        Poll::Ready(match ahead {
            Ok(_) => self
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
        let count = max.min(ready!(self.poll_begin(cx))?);
        for item in self.ahead.drain(..count) {
            hand_out(item, out);
        }
        Poll::Ready(Ok(if count > 0 { Flow::More } else { Flow::End }))
    }

    fn drain(&mut self) -> bool {
        self.receiving = None;
        self.drained = true;
        if self.asks.tells_begun {
            self.give_back();
        }
        true
    }

    fn pause(&mut self) {
        self.receiving = None;
        if self.asks.tells_begun {
            self.give_back();
        }
    }

    fn stop(&mut self, out: &mut Pulled<CarriedOf<Self>>) {
        self.receiving = None;
        if self.asks.tells_begun {
            self.give_back();
        }
        for item in self.ahead.drain(..) {
            hand_out(item, out);
        }
    }

    fn name(&self) -> Name {
        self.asks.queue.name()
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

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use tokio::sync::oneshot;
    use tokio::time::{advance, sleep};

    use super::*;

    const LEASE: Duration = Duration::from_secs(8);

    #[tokio::test(start_paused = true)]
    async fn leases_count_from_shortly_before_the_answer() {
        let asked = Instant::now();
        assert_eq!(answer(async {}, asked, LEASE).await.1, asked);
        let ((), since) = answer(sleep(Duration::from_secs(20)), asked, LEASE).await;
        let before = since.elapsed();
        assert!(before <= LEASE / 4, "{before:?} before");
        assert!(before >= LEASE / 8, "it has been there since the last look");
    }

    #[tokio::test(start_paused = true)]
    async fn leases_of_an_answer_that_lay_here_count_from_before_it_came() {
        let (tells, told) = oneshot::channel();
        let asked = Instant::now();
        let mut answer = Box::pin(answer(told, asked, LEASE));
        for _ in 0..3 {
            assert!((&mut answer).now_or_never().is_none());
            advance(LEASE / 8).await;
        }
        // Nobody looks while this process stands still; when it goes on, the connection is read after that.
        advance(10 * LEASE).await;
        assert!((&mut answer).now_or_never().is_none());
        tells.send(()).unwrap();
        let (_, since) = answer.await;
        assert!(since.duration_since(asked) <= LEASE, "{:?}", since - asked);
    }
}
