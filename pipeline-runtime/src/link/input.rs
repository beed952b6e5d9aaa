//! The end of a link that items are taken from.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use super::between::{Between, Next, Waiting};
use crate::budget::KeptRoom;
use crate::graph::Graph;
use crate::guard;
use crate::name::Name;
use crate::named::debug_by_name;
use crate::run::links::Joins;
use crate::site::StageInfo;
use crate::source::{CarriedOf, Fault, Flow, Input, Pulled, Puller, Relay, SourceError};
use crate::ticket::{Carried, Carry as _, Ending, Rider, Ticket};

/// An input of a link; [`Link::input`](super::Link::input) makes it.
#[must_use = "it is the input of a pipeline"]
pub struct LinkInput<T>(pub(super) Arc<Between<T>>);

debug_by_name!(LinkInput<T>);

impl<T: Send + 'static> Input for LinkInput<T> {
    type Item = T;
    type Puller = Taking<T>;

    fn wire(self, graph: &Graph, _relay: Relay) -> Taking<T> {
        let Self(between) = self;
        let control = graph.control();
        let idle = control.idle();
        // Whether who puts waits for that may not be known yet.
        idle.want();
        between.is_before(idle);
        let joins = Arc::clone(&between) as Arc<dyn Joins>;
        control.links().add(joins, false);
        if between.capacity == 0 {
            let (has, rule) = ("a capacity of 0", "a capacity is at least 1");
            let stage = StageInfo::new(between.name.clone());
            graph.lock().invalid(&stage, "capacity", has, rule);
        }
        Taking(between)
    }
}

/// Takes from a link.
pub struct Taking<T>(Arc<Between<T>>);

debug_by_name!(Taking<T>);

impl<T: Send + 'static> Taking<T> {
    fn poll_take(
        &self,
        cx: &mut Context<'_>,
        most: usize,
    ) -> Poll<impl Iterator<Item = Carried<T, Ticket>>> {
        let taken = match self.0.take(most, cx.waker()) {
            Next::Items(taken) => taken,
            Next::End => Vec::new(),
            Next::Waits => return Poll::Pending,
        };
        Poll::Ready(taken.into_iter().map(|waiting| self.ticketed(waiting)))
    }

    /// With a ticket of the link's own, where no message would bring it again.
    fn ticketed(&self, waiting: Waiting<T>) -> Carried<T, Ticket> {
        let Waiting {
            number,
            item,
            ticket,
            ..
        } = waiting;
        if ticket.is_of_delivery() {
            return Carried { item, ticket };
        }
        let copy = guard::call(|| (self.0.copy)(&item)).unwrap_or_else(|panicked| {
            tracing::warn!(link = &*self.0.name, %panicked, "no copy of an item is kept");
            None
        });
        let kept = Arc::new(Kept {
            of: Arc::clone(&self.0),
            number,
            copy: Mutex::new(copy.map(|copy| (copy, ticket.room()))),
        });
        Carried {
            item,
            ticket: ticket.ridden(kept),
        }
    }
}

impl<T: Send + 'static> Puller for Taking<T> {
    type Item = T;
    type Ticket = Ticket;
    const IS_LINK: bool = true;

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<CarriedOf<Self>, Fault>>> {
        let mut taken = ready!(self.poll_take(cx, 1));
        Poll::Ready(taken.next().map(Ok))
    }

    fn poll_pull(
        &mut self,
        cx: &mut Context<'_>,
        max: usize,
        out: &mut Pulled<CarriedOf<Self>>,
    ) -> Poll<Result<Flow, SourceError>> {
        let before = out.items.len();
        out.items.extend(ready!(self.poll_take(cx, max)));
        let flow = if out.items.len() == before {
            Flow::End
        } else {
            Flow::More
        };
        Poll::Ready(Ok(flow))
    }

    fn holds(&self) -> usize {
        self.0.capacity
    }

    fn name(&self) -> Name {
        self.0.name.clone()
    }
}

/// What is kept of an item that was taken, until something has become of it.
struct Kept<T> {
    of: Arc<Between<T>>,
    number: u64,
    /// With the room that the item holds of a budget.
    copy: Mutex<Option<(T, KeptRoom)>>,
}

impl<T: Send + 'static> Rider for Kept<T> {
    fn ended(&self, _ending: Ending) {}

    fn released(&self) {
        let mut copy = self.copy.lock().unwrap_or_else(PoisonError::into_inner);
        match copy.take() {
            Some((item, room)) => self.of.put_back(self.number, item, room),
            None => self.of.lost_one(),
        }
    }
}

impl<T> Drop for Kept<T> {
    fn drop(&mut self) {
        let copy = self.copy.get_mut().unwrap_or_else(PoisonError::into_inner);
        guard::let_go_of(copy.take());
    }
}
