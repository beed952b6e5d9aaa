//! A [`Source`] under polling.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::sync::Mutex;

use super::{Alone, CarriedOf, Fault, Flow, Input, Pulled, Puller, Relay, Source, SourceError};
use crate::graph::Graph;
use crate::name::Name;
use crate::named::debug_by_name;
use crate::ticket::Carried;

/// How many items are asked for at once where they are taken one by one.
pub(crate) const AHEAD: usize = 64;

#[diagnostic::do_not_recommend]
impl<S: Source> Input for S {
    type Item = S::Item;
    type Puller = Pulling<S>;

    fn wire(self, _graph: &Graph, _failed: Relay) -> Pulling<S> {
        Pulling {
            name: self.name(),
            idle: Some(self),
            pulling: None,
            shared: Arc::new(Mutex::new(Pulled::new())),
            ahead: Pulled::new(),
            ended: false,
            fatal: None,
        }
    }
}

type PullFuture<S> = Pin<Box<dyn Future<Output = (S, Result<Flow, SourceError>)> + Send>>;

/// A source and the future of its pull, which owns it meanwhile.
pub struct Pulling<S: Source> {
    name: Name,
    idle: Option<S>,
    pulling: Option<PullFuture<S>>,
    /// Where the pull appends: outside the future, so that dropping it loses nothing.
    shared: Arc<Mutex<Pulled<S::Item>>>,
    /// What was pulled and not yet asked for one by one, the next one last.
    ahead: Pulled<Carried<S::Item, ()>>,
    ended: bool,
    fatal: Option<SourceError>,
}

debug_by_name!(Pulling<S: Source>);

impl<S: Source> Alone for Pulling<S> {}

impl<S: Source> Puller for Pulling<S> {
    type Item = S::Item;
    type Ticket = ();
    const ASKS_AHEAD: bool = true;

    #[inline]
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<CarriedOf<Self>, Fault>>> {
        match self.ahead.items.pop() {
            Some(item) => Poll::Ready(Some(Ok(item))),
            None => self.poll_more(cx),
        }
    }

    fn poll_pull(
        &mut self,
        cx: &mut Context<'_>,
        max: usize,
        out: &mut Pulled<CarriedOf<Self>>,
    ) -> Poll<Result<Flow, SourceError>> {
        let (shared, idle) = (&self.shared, &mut self.idle);
        let pulling = self.pulling.get_or_insert_with(|| {
            let mut source = idle.take().expect("either idle or pulling");
            let mut pulled = Arc::clone(shared)
                .try_lock_owned()
                .expect("one pull at a time");
            Box::pin(async move {
                let flow = source.pull(max, &mut pulled).await;
                (source, flow)
            })
        });
        let (source, flow) = ready!(pulling.as_mut().poll(cx));
        self.pulling = None;
        self.idle = Some(source);
        self.stop(out);
        Poll::Ready(flow)
    }

    fn stop(&mut self, out: &mut Pulled<CarriedOf<Self>>) {
        self.pulling = None;
        let mut pulled = self.shared.try_lock().expect("the pull has ended");
        out.append_plain(&mut pulled);
    }

    fn drain(&mut self) -> bool {
        let mut rest = Pulled::new();
        self.stop(&mut rest);
        rest.items.reverse();
        rest.failures.reverse();
        // What is ahead is handed out from its end.
        rest.append(&mut self.ahead);
        self.ahead = rest;
        self.ended = true;
        true
    }

    fn skipped(&mut self) -> u64 {
        std::mem::take(&mut self.ahead.skipped)
    }

    fn name(&self) -> Name {
        self.name.clone()
    }
}

impl<S: Source> Pulling<S> {
    #[cold]
    #[inline(never)]
    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<CarriedOf<Self>, Fault>>> {
        loop {
            if let Some(item) = self.ahead.items.pop() {
                return Poll::Ready(Some(Ok(item)));
            }
            if let Some(error) = self.ahead.failures.pop() {
                return Poll::Ready(Some(Err(Fault { error, last: false })));
            }
            if self.ended {
                return Poll::Ready(
                    self.fatal
                        .take()
                        .map(|error| Err(Fault { error, last: true })),
                );
            }
            // Before waiting: the source may wait in turn until what it held for these items is free.
            self.ahead.hold = None;
            let mut pulled = Pulled::new();
            let flow = ready!(self.poll_pull(cx, AHEAD, &mut pulled));
            pulled.items.reverse();
            pulled.failures.reverse();
            pulled.skipped += self.ahead.skipped;
            self.ahead = pulled;
            self.ended = !matches!(flow, Ok(Flow::More));
            self.fatal = flow.err();
        }
    }
}
