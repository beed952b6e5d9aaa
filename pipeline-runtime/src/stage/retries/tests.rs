//! Items that wait for another attempt: who gets them, and when there are none.

use std::sync::Arc;

use super::*;
use crate::watched::Watched;

struct Worker {
    place: usize,
    woken: Arc<Watched>,
}

impl Worker {
    fn at(place: usize) -> Self {
        let woken = Arc::default();
        Self { place, woken }
    }

    fn poll(&self, retries: &Retries<char>) -> Poll<Option<char>> {
        let waker = Waker::from(Arc::clone(&self.woken));
        let due = retries.poll(self.place, &mut Context::from_waker(&waker));
        due.map(|due| due.map(|(due, _)| due.item))
    }

    fn woken(&self) -> usize {
        self.woken.take()
    }
}

fn due(item: char) -> Due<char> {
    Due::new(0, item, 2)
}

#[test]
fn there_is_nothing_to_wait_for_until_an_item_waits() {
    let (retries, worker) = (Retries::new(), Worker::at(0));
    assert_eq!(worker.poll(&retries), Poll::Ready(None));
    retries.add(false);
    assert_eq!(worker.poll(&retries), Poll::Pending);
}

#[test]
fn an_item_that_is_due_wakes_one_worker_and_goes_to_it() {
    let (retries, one, two) = (Retries::new(), Worker::at(0), Worker::at(1));
    retries.add(false);
    assert!(one.poll(&retries).is_pending());
    assert!(two.poll(&retries).is_pending());
    retries.ready(due('a'), None);
    assert_eq!((one.woken(), two.woken()), (1, 0));
    assert_eq!(one.poll(&retries), Poll::Ready(Some('a')));
    assert_eq!(
        two.poll(&retries),
        Poll::Pending,
        "it may have to wait again"
    );
}

#[test]
fn the_last_resolved_item_wakes_everyone_to_their_end() {
    let (retries, one, two) = (Retries::new(), Worker::at(0), Worker::at(1));
    retries.add(false);
    retries.add(false);
    assert!(one.poll(&retries).is_pending());
    assert!(two.poll(&retries).is_pending());
    retries.resolved();
    assert_eq!((one.woken(), two.woken()), (0, 0));
    retries.resolved();
    assert_eq!((one.woken(), two.woken()), (1, 1));
    assert_eq!(one.poll(&retries), Poll::Ready(None));
}

#[test]
fn items_are_tried_again_in_the_order_in_which_they_are_due() {
    let (retries, worker) = (Retries::new(), Worker::at(0));
    for item in ['a', 'b'] {
        retries.add(false);
        retries.ready(due(item), None);
    }
    assert_eq!(worker.poll(&retries), Poll::Ready(Some('a')));
    assert_eq!(worker.poll(&retries), Poll::Ready(Some('b')));
}

#[test]
fn a_chosen_worker_that_goes_elsewhere_passes_its_wake_up_on() {
    let (retries, one, two) = (Retries::new(), Worker::at(0), Worker::at(1));
    retries.add(false);
    assert!(one.poll(&retries).is_pending());
    assert!(two.poll(&retries).is_pending());
    retries.ready(due('a'), None);
    assert_eq!((one.woken(), two.woken()), (1, 0));
    retries.unpark(one.place);
    assert_eq!(two.woken(), 1);
}

#[test]
fn who_waits_when_nobody_wants_more_is_woken_to_its_end_and_what_is_due_then_is_dropped() {
    let (retries, one, two) = (Retries::new(), Worker::at(0), Worker::at(1));
    retries.add(false);
    retries.add(false);
    assert!(one.poll(&retries).is_pending());
    retries.close();
    assert_eq!(one.woken(), 1);
    retries.ready(due('a'), None);
    assert_eq!(one.poll(&retries), Poll::Ready(None));
    let waker = Waker::from(Arc::clone(&two.woken));
    let waits = retries.wait(two.place, &mut Context::from_waker(&waker));
    assert!(matches!(waits, Poll::Ready(None)), "it would wait for ever");
}
