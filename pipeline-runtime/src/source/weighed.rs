//! An input whose items hold a part of a budget.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::{CarriedOf, Fault, Flow, Input, Pulled, Puller, Relay, SourceError};
use crate::budget::{Budget, Flushes, Place};
use crate::graph::Graph;
use crate::name::Name;
use crate::named::debug_by_name;
use crate::site::StageInfo;
use crate::ticket::{Carried, Carry, Ticket};

/// Items that are this light are taken in together, up to so many bytes, or to this part of the budget: each of them holds its
/// room until all of them are gone.
const TOGETHER: u64 = 64 * 1024;
const LIGHT: u64 = TOGETHER / 16;
const PART: u64 = 16;

/// An input whose items hold what they weigh of a [`Budget`], so that no more is in memory than that: nothing is taken in while
/// there is no room for the next one. `weigh` tells how many bytes an item and what is made of it take at most.
///
/// An item that holds some of the same budget already, since it comes out of a pipeline or a link whose input is weighed by it,
/// goes on with what it holds; where that was another budget, it holds of this one from here on.
///
/// `weigh` is called once for each item, by the worker that asks the input; where it panics the input ends, as if it had
/// panicked itself. Of several inputs that are one each is weighed: a pipeline with a `merge` that is does not start. What a
/// queue has fetched ahead waits unweighed in front. A drain takes in what is in hand beyond the budget.
///
/// # Examples
///
/// ```
/// use pipeline_runtime::{Budget, source};
///
/// let budget = Budget::new(256 << 20);
/// let bodies = source::weighed(vec![vec![0_u8; 1_000]], &budget, |body| body.len());
/// # let _ = bodies;
/// ```
pub fn weighed<I, F>(input: I, budget: &Budget, weigh: F) -> Weighed<I, F>
where
    I: Input,
    F: FnMut(&I::Item) -> usize + Send + 'static,
{
    Weighed {
        input,
        budget: budget.clone(),
        weigh,
    }
}

/// The input that [`weighed`] makes.
#[must_use = "it is the input of a pipeline"]
pub struct Weighed<I, F> {
    input: I,
    budget: Budget,
    weigh: F,
}

impl<I, F> fmt::Debug for Weighed<I, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Weighed")
            .field("budget", &self.budget)
            .finish_non_exhaustive()
    }
}

impl<I, F> Input for Weighed<I, F>
where
    I: Input,
    F: FnMut(&I::Item) -> usize + Send + 'static,
{
    type Item = I::Item;
    type Puller = Weighing<I::Puller, F>;

    fn wire(self, graph: &Graph, failed: Relay) -> Self::Puller {
        let Self {
            input,
            budget,
            weigh,
        } = self;
        let puller = input.wire(graph, failed);
        {
            let mut build = graph.lock();
            if I::Puller::STANDS_FOR_OTHERS {
                let stage = StageInfo::new(puller.name());
                let (has, rule) = (
                    "several inputs, which no budget can hold back one by one",
                    "weigh each of them",
                );
                build.invalid(&stage, "weighed", has, rule);
            }
            let idle = build.control.idle();
            idle.want();
            let pipeline = Arc::downgrade(&(Arc::clone(idle) as Arc<dyn Flushes>));
            budget.flushes(pipeline);
            build.weighs(budget.clone());
        }
        Weighing {
            place: budget.place(),
            puller,
            weigh,
            hand: VecDeque::new(),
            heaviest: 0,
            end: None,
            drains: false,
        }
    }
}

/// Takes in what there is room for.
pub struct Weighing<P: Puller, F> {
    puller: P,
    weigh: F,
    place: Place,
    /// What waits for room, with what it weighs; nothing of what holds some of the budget already.
    hand: VecDeque<(Option<u64>, CarriedOf<P>)>,
    /// So far.
    heaviest: u64,
    /// What the input ended with, to be told after what is in hand.
    end: Option<Result<Flow, SourceError>>,
    /// Nothing more is to be taken: what is in hand goes in without waiting.
    drains: bool,
}

debug_by_name!(Weighing<P: Puller, F>);

type Laden<P> = Carried<<P as Puller>::Item, Ticket>;

impl<P: Puller, F> Weighing<P, F>
where
    F: FnMut(&P::Item) -> usize + Send + 'static,
{
    /// Takes an item in hand: what it weighs.
    fn weighed(&mut self, mut carried: CarriedOf<P>) -> u64 {
        let ticket = carried.ticket.as_ticket();
        if ticket.is_some_and(|ticket| self.place.is_of(ticket.load())) {
            // It would wait for itself, or behind others for whom there is no room before it has gone on.
            self.hand.push_back((None, carried));
            return 0;
        }
        // Of another budget it holds no more.
        carried.ticket.unload();
        let bytes = u64::try_from((self.weigh)(&carried.item)).unwrap_or(u64::MAX);
        self.heaviest = self.heaviest.max(bytes);
        self.hand.push_back((Some(bytes), carried));
        bytes
    }

    /// The most that is taken in together, if it is not one item.
    fn most_together(&self) -> u64 {
        TOGETHER.min(self.place.bytes() / PART)
    }

    /// How many of those in hand, from the first on, are taken in together, and what they weigh.
    fn together(&self) -> (usize, u64) {
        let most = self.most_together();
        let (mut items, mut bytes) = (0, 0_u64);
        let weighed = self.hand.iter().map_while(|(weight, _)| *weight);
        for weight in weighed {
            if items > 0 && (weight > LIGHT || bytes.saturating_add(weight) > most) {
                break;
            }
            items += 1;
            bytes = bytes.saturating_add(weight);
            if weight > LIGHT {
                break;
            }
        }
        (items, bytes)
    }

    /// Takes in of what is in hand what there is room for; `Pending` where the first of it has none.
    fn admit(&mut self, cx: &mut Context<'_>, out: &mut Vec<Laden<P>>) -> Poll<()> {
        loop {
            while let Some((None, carried)) = self.hand.pop_front_if(|(weight, _)| weight.is_none())
            {
                out.push(carried.ticketed());
            }
            let (items, bytes) = self.together();
            if items == 0 {
                return Poll::Ready(());
            }
            let permit = if self.drains {
                self.place.take(bytes)
            } else {
                ready!(self.place.poll_take(cx, bytes))
            };
            let weights = self.hand.iter().take(items);
            let weights: Vec<_> = weights.filter_map(|(weight, _)| *weight).collect();
            let hand = self.hand.drain(..items);
            out.extend(permit.loads(weights).zip(hand).map(|(load, (_, carried))| {
                let Carried { item, ticket } = carried;
                let ticket = ticket.into_ticket().loaded(load);
                Carried { item, ticket }
            }));
        }
    }

    /// How many to ask for: no more than would fit if all were as heavy as the heaviest so far.
    fn want(&self, max: usize) -> usize {
        let fit = self.place.free().checked_div(self.heaviest);
        let fit = usize::try_from(fit.unwrap_or(1)).unwrap_or(usize::MAX);
        fit.clamp(1, max)
    }

    /// Asks the input for more.
    fn poll_more(
        &mut self,
        cx: &mut Context<'_>,
        max: usize,
        out: &mut Pulled<CarriedOf<Self>>,
    ) -> Poll<()> {
        if !P::ASKS_AHEAD {
            return self.take_some(cx, max, out);
        }
        let mut pulled = Pulled::new();
        let flow = ready!(self.puller.poll_pull(cx, self.want(max), &mut pulled));
        self.laid(&mut pulled, out);
        if !matches!(flow, Ok(Flow::More)) {
            self.end = Some(flow);
        }
        Poll::Ready(())
    }

    /// Takes one item in hand, or some light ones.
    fn take_some(
        &mut self,
        cx: &mut Context<'_>,
        max: usize,
        out: &mut Pulled<CarriedOf<Self>>,
    ) -> Poll<()> {
        let (most, mut bytes) = (self.most_together(), 0);
        while bytes <= most && self.hand.len() < max {
            match self.puller.poll_next(cx) {
                Poll::Ready(Some(Ok(carried))) => {
                    bytes = self.weighed(carried).saturating_add(bytes);
                }
                Poll::Ready(Some(Err(Fault { error, last: false }))) => {
                    out.fail(error);
                    break;
                }
                Poll::Ready(Some(Err(fault))) => {
                    self.end = Some(Err(fault.error));
                    break;
                }
                Poll::Ready(None) => {
                    self.end = Some(Ok(Flow::End));
                    break;
                }
                Poll::Pending if self.hand.is_empty() => return Poll::Pending,
                Poll::Pending => break,
            }
        }
        out.skipped += self.puller.skipped();
        Poll::Ready(())
    }
}

impl<P: Puller, F> Puller for Weighing<P, F>
where
    F: FnMut(&P::Item) -> usize + Send + 'static,
{
    type Item = P::Item;
    type Ticket = Ticket;
    const DRAINS: bool = P::DRAINS;
    const PAUSES: bool = P::PAUSES;
    const IS_LINK: bool = P::IS_LINK;
    const STARVES: bool = P::STARVES;
    const BRINGS_MESSAGES: bool = P::BRINGS_MESSAGES;

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<CarriedOf<Self>, Fault>>> {
        if self.hand.is_empty() {
            if self.end.is_some() {
                return Poll::Ready(None);
            }
            match ready!(self.puller.poll_next(cx)) {
                Some(Ok(carried)) => _ = self.weighed(carried),
                Some(Err(fault)) => return Poll::Ready(Some(Err(fault))),
                None => return Poll::Ready(None),
            }
        }
        let mut out = Vec::with_capacity(1);
        ready!(self.admit(cx, &mut out));
        Poll::Ready(out.pop().map(Ok))
    }

    fn poll_pull(
        &mut self,
        cx: &mut Context<'_>,
        max: usize,
        out: &mut Pulled<CarriedOf<Self>>,
    ) -> Poll<Result<Flow, SourceError>> {
        loop {
            let before = out.items.len();
            let admitted = self.admit(cx, &mut out.items);
            // Failures of the input weigh nothing, and wait for nobody.
            if out.items.len() > before || !out.failures.is_empty() {
                return Poll::Ready(Ok(Flow::More));
            }
            ready!(admitted);
            if let Some(end) = self.end.take() {
                return Poll::Ready(end);
            }
            ready!(self.poll_more(cx, max, out));
        }
    }

    fn drain(&mut self) -> bool {
        self.drains = true;
        let has_more = self.puller.drain();
        if !has_more {
            self.end.get_or_insert(Ok(Flow::End));
        }
        has_more || !self.hand.is_empty()
    }

    fn pause(&mut self) {
        // Others of the budget are not to wait behind it.
        self.place.leave();
        self.puller.pause();
    }

    fn stop(&mut self, out: &mut Pulled<CarriedOf<Self>>) {
        self.drains = true;
        let mut pulled = Pulled::new();
        self.puller.stop(&mut pulled);
        self.laid(&mut pulled, out);
        let waker = std::task::Waker::noop();
        if let Some(Err(error)) = self.end.take() {
            out.fail(error);
        }
        // It waits for nothing now.
        let _ready = self.admit(&mut Context::from_waker(waker), &mut out.items);
    }

    fn skipped(&mut self) -> u64 {
        self.puller.skipped()
    }

    fn failed(&mut self) -> Option<StageInfo> {
        self.puller.failed()
    }

    fn holds(&self) -> usize {
        self.puller.holds()
    }

    fn holds_back(&self) -> bool {
        self.place.waits()
    }

    fn name(&self) -> Name {
        self.puller.name()
    }
}

impl<P: Puller, F> Weighing<P, F>
where
    F: FnMut(&P::Item) -> usize + Send + 'static,
{
    /// Takes items in hand; all else that came with them goes on.
    fn laid(&mut self, pulled: &mut Pulled<CarriedOf<P>>, out: &mut Pulled<CarriedOf<Self>>) {
        out.failures.append(&mut pulled.failures);
        out.skipped += std::mem::take(&mut pulled.skipped);
        if let Some(hold) = pulled.hold.take() {
            out.hold(hold);
        }
        for carried in std::mem::take(&mut pulled.items) {
            self.weighed(carried);
        }
    }
}
