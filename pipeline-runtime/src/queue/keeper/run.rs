//! The keeper's task.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;

use super::Keeper;
use super::settling::{Called, Group, Lane, Rest};
use crate::bounds::BoxFuture;
use crate::queue::Queue;
use crate::run::control::{Ending, Phase};

/// How long the queue has to take what is released, once nobody waits for it.
const ABORTED: Duration = Duration::from_secs(1);

/// The same after a failure has stopped the pipeline.
const STOPPED: Duration = Duration::from_secs(5);

type Calls = FuturesUnordered<BoxFuture<'static, Called>>;

/// Runs until the queue knows what became of every delivery and no more come, or until there is no more time for it.
///
/// After a failure it goes on for those whose items other pipelines have, which go on: their leases are kept, and the queue is
/// told what becomes of them. The end of the run does not wait for that.
pub(crate) async fn keep<Q: Queue>(keeper: Arc<Keeper>, queue: Arc<Q>, mut ending: Ending) {
    let mut calls = Calls::new();
    calls.push(hearing(&keeper, &queue));
    let mut under_way = Underway::default();
    let mut limited = None;
    loop {
        for lane in [Lane::Acks, Lane::Nacks] {
            for group in keeper.next_groups(lane, &under_way) {
                *under_way.fresh(lane) += 1;
                under_way.groups += 1;
                calls.push(keeper.tell(&queue, group));
            }
        }
        if !under_way.beat
            && let Some(at) = keeper.next_beat()
        {
            under_way.beat = true;
            let beat = Arc::clone(&keeper).beat(Arc::clone(&queue));
            calls.push(Box::pin(async move {
                tokio::time::sleep_until(at).await;
                beat.await;
                Called::Beaten
            }));
        }
        let phase = ending.phase();
        if under_way.groups == 0 && keeper.is_over(phase) {
            if phase != Phase::Ended || !keeper.goes_on() {
                return;
            }
            ending.let_go();
        }
        let limit = match phase {
            Phase::Aborted | Phase::Gone => Some(ABORTED),
            Phase::Ended => Some(STOPPED),
            Phase::Running | Phase::Stopped => None,
        };
        if let Some(limit) = limit
            && limited.replace(limit).is_none()
        {
            calls.push(Box::pin(async move {
                tokio::time::sleep(limit).await;
                Called::TimeUp
            }));
        }
        match next(&keeper, &mut calls, &mut ending).await {
            None => {}
            Some(Called::Fresh(lane, rest)) => {
                *under_way.fresh(lane) -= 1;
                match rest {
                    Rest::Left(left) => under_way.returned(&keeper, &queue, &calls, left),
                    Rest::Slow(call) => {
                        calls.push(Box::pin(async move { Called::Returned(call.await) }));
                    }
                }
            }
            Some(Called::Returned(left)) => under_way.returned(&keeper, &queue, &calls, left),
            Some(Called::Beaten) => under_way.beat = false,
            Some(Called::Heard) => calls.push(hearing(&keeper, &queue)),
            Some(Called::TimeUp) if phase == Phase::Ended && keeper.goes_on() => ending.let_go(),
            Some(Called::TimeUp) => return,
        }
    }
}

fn hearing<Q: Queue>(keeper: &Arc<Keeper>, queue: &Arc<Q>) -> BoxFuture<'static, Called> {
    let heard = Arc::clone(keeper).hear_of_lost(Arc::clone(queue));
    Box::pin(async move {
        heard.await;
        Called::Heard
    })
}

/// What the task waits for.
#[derive(Debug, Default)]
struct Underway {
    /// Calls that keep later ones of their lane back.
    acks: usize,
    nacks: usize,
    /// Groups of which the queue has not been told yet.
    groups: usize,
    beat: bool,
}

impl Underway {
    fn fresh(&mut self, lane: Lane) -> &mut usize {
        match lane {
            Lane::Acks => &mut self.acks,
            Lane::Nacks => &mut self.nacks,
        }
    }

    fn returned<Q: Queue>(
        &mut self,
        keeper: &Arc<Keeper>,
        queue: &Arc<Q>,
        calls: &Calls,
        left: Option<Group>,
    ) {
        match left {
            Some(group) => calls.push(keeper.tell_again(queue, group)),
            None => self.groups -= 1,
        }
    }
}

/// Waits for a call to come to something; or, as `None`, until there is something new to do.
async fn next(keeper: &Keeper, calls: &mut Calls, ending: &mut Ending) -> Option<Called> {
    let mut work = pin!(keeper.work.notified());
    let mut changed = pin!(ending.changed());
    poll_fn(|cx| {
        if let Poll::Ready(Some(called)) = calls.poll_next_unpin(cx) {
            return Poll::Ready(Some(called));
        }
        if work.as_mut().poll(cx).is_ready() || changed.as_mut().poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        Poll::Pending
    })
    .await
}

impl Keeper {
    /// What to tell the queue next: all that has come together while the last call was under way.
    fn next_groups(&self, lane: Lane, under_way: &Underway) -> Vec<Group> {
        let mut state = self.lock();
        let (free, waits) = match lane {
            Lane::Acks => (under_way.acks == 0, state.acks.is_empty()),
            Lane::Nacks => (under_way.nacks == 0, state.nacks.is_empty()),
        };
        match lane {
            Lane::Acks => state.waits_for_acks = free && waits,
            Lane::Nacks => state.waits_for_nacks = free && waits,
        }
        if free { state.groups(lane) } else { Vec::new() }
    }

    /// Whether other pipelines have items of deliveries; the others are left to their leases.
    fn goes_on(&self) -> bool {
        let mut state = self.lock();
        let mut goes_on = false;
        for (_, held) in &mut state.held {
            held.left = !held.handed_on;
            goes_on |= held.handed_on && !held.lost;
        }
        goes_on
    }

    /// Whether there is nothing more to tell the queue.
    fn is_over(&self, phase: Phase) -> bool {
        let state = self.lock();
        let told = state.acks.is_empty() && state.nacks.is_empty() && state.extending.is_empty();
        let no_more = match phase {
            // Also a failure that somebody else has is still to be decided about.
            Phase::Running | Phase::Stopped | Phase::Aborted => {
                !state.open && state.held.is_empty()
            }
            // Who holds a delivery now, holds it longer than the pipeline.
            Phase::Ended | Phase::Gone => true,
        };
        told && no_more
    }
}
