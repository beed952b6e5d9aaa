//! Several inputs as one, where items are taken one by one.

use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::vec;

use super::join::{Join, Turns};
use super::opened::Opened;
use super::pull::AHEAD;
use super::{CarriedOf, Fault, Flow, Pulled, Puller, SourceError};
use crate::flow::edge::Take;
use crate::flow::feed::{Batch, SourceFailure};
use crate::flow::pushing::emptied;
use crate::graph::{Arrow, Graph};
use crate::guard;
use crate::named::debug_by_name;
use crate::site::StageInfo;
use crate::ticket::{Carried, Carry};

/// Several inputs as one: each has a row of its own.
pub struct Joined<T, K> {
    opened: Opened<T, K>,
    ahead: Ahead<Carried<T, K>>,
    failed: Option<StageInfo>,
}

/// What was taken and not yet asked for.
struct Ahead<T> {
    items: vec::IntoIter<T>,
    /// The rest of what came with them, the next failure last.
    taken: Batch<T>,
}

impl<T> Drop for Ahead<T> {
    fn drop(&mut self) {
        guard::let_go_of(std::mem::take(&mut self.items));
    }
}

debug_by_name!(Joined<T, K>);

impl<T: Send + 'static, K: Carry> Joined<T, K> {
    /// Joins what is wired.
    pub(crate) fn new(
        graph: &Graph,
        what: &'static str,
        parts: Vec<Opened<T, K>>,
        turns: Turns,
    ) -> Self {
        if parts.is_empty() {
            let (has, rule) = ("no inputs", "it needs at least 1");
            graph.lock().invalid(&StageInfo::new(what), what, has, rule);
        }
        let (mut feeds, mut inputs) = (Vec::new(), Vec::new());
        for part in parts {
            feeds.push(part.feed);
            inputs.extend(part.inputs);
        }
        Self::of(graph, Join::new(feeds, turns), inputs)
    }

    /// What a join hands on, to which these lead.
    pub(crate) fn of(graph: &Graph, join: Arc<Join<Carried<T, K>>>, inputs: Vec<Arrow>) -> Self {
        graph.control().closes(join.clone());
        graph.ends_in(inputs.clone());
        Self {
            opened: Opened {
                feed: Arc::new(join),
                inputs,
            },
            ahead: Ahead {
                items: Vec::new().into_iter(),
                taken: Batch::new(),
            },
            failed: None,
        }
    }
}

impl<T: Send + 'static, K: Carry> Puller for Joined<T, K> {
    type Item = T;
    type Ticket = K;
    const DRAINS: bool = false;
    const PAUSES: bool = false;
    const STANDS_FOR_OTHERS: bool = true;

    #[inline]
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<CarriedOf<Self>, Fault>>> {
        match self.ahead.items.next() {
            Some(item) => Poll::Ready(Some(Ok(item))),
            None => self.poll_more(cx),
        }
    }

    fn poll_pull(
        &mut self,
        _cx: &mut Context<'_>,
        _max: usize,
        _out: &mut Pulled<CarriedOf<Self>>,
    ) -> Poll<Result<Flow, SourceError>> {
        unreachable!("who asks for several takes it apart")
    }

    fn failed(&mut self) -> Option<StageInfo> {
        self.failed.take()
    }

    fn opened(self) -> Result<Opened<T, K>, Self> {
        Ok(self.opened)
    }
}

impl<T: Send + 'static, K: Carry> Joined<T, K> {
    #[cold]
    #[inline(never)]
    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<CarriedOf<Self>, Fault>>> {
        let take = Take {
            each: false,
            keep: false,
        };
        let Ahead { items, taken } = &mut self.ahead;
        loop {
            if let Some(SourceFailure { source, error }) = taken.failures.pop() {
                self.failed = Some(source);
                return Poll::Ready(Some(Err(Fault { error, last: false })));
            }
            // Before waiting: the source may wait in turn until what it held for these items is free.
            taken.hold = None;
            taken.items = emptied(std::mem::take(items));
            let polled = self.opened.feed.poll_take(0, cx, AHEAD, taken, take);
            *items = std::mem::take(&mut taken.items).into_iter();
            taken.failures.reverse();
            if ready!(polled).is_none() {
                return Poll::Ready(None);
            }
            if let Some(item) = items.next() {
                return Poll::Ready(Some(Ok(item)));
            }
        }
    }
}
