//! A source that is told to stop while a worker is about to wait for it.

use super::*;
use crate::placed::Placed;
use crate::site::StageInfo;
use crate::source::Fault;

/// It has nothing yet, and tells nobody.
struct Silent;

impl Puller for Silent {
    type Item = u64;
    type Ticket = ();

    fn poll_next(&mut self, _cx: &mut Context<'_>) -> Poll<Option<Result<CarriedOf<Self>, Fault>>> {
        Poll::Pending
    }

    fn poll_pull(
        &mut self,
        _cx: &mut Context<'_>,
        _max: usize,
        _out: &mut Pulled<CarriedOf<Self>>,
    ) -> Poll<Result<Flow, SourceError>> {
        Poll::Pending
    }
}

/// Whether a worker that has found the source open waits for it, though it was told to stop a moment later.
fn waits(tell: impl FnOnce(&Side)) -> bool {
    let feed = SourceFeed::new(
        Silent,
        Placed::new(vec![StageInfo::default()], Arc::default()),
        Broken::Stops(Box::new(|_error| ())),
    );
    let mut state = feed.lock();
    tell(&feed.side);
    let cx = &mut Context::from_waker(Waker::noop());
    feed.poll_source(&mut state, 0, cx, 1).is_pending()
}

#[test]
fn a_worker_waits_for_a_source_that_has_nothing() {
    assert!(waits(|_side| ()));
}

#[test]
fn a_worker_that_begins_to_wait_when_everyone_was_woken_sees_that_the_source_is_closed() {
    assert!(!waits(Close::close));
}

#[test]
fn a_worker_that_begins_to_wait_when_everyone_was_woken_sees_that_the_source_is_drained() {
    assert!(!waits(Drain::drain));
}
