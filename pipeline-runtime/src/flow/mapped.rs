//! A feed with other tickets beside its items.

use std::any::Any;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use crate::flow::edge::Take;
use crate::flow::feed::{Batch, Feed};
use crate::ticket::{Carried, Carry};

/// The same feed with tickets of another kind: from `()` to the null ticket and back. Where the kinds are the same, so
/// is the feed.
pub(crate) fn convert<T: Send + 'static, A: Carry, B: Carry>(
    feed: Arc<dyn Feed<Carried<T, A>>>,
) -> Arc<dyn Feed<Carried<T, B>>> {
    let feed: Box<dyn Any> = Box::new(feed);
    match feed.downcast::<Arc<dyn Feed<Carried<T, B>>>>() {
        Ok(same) => *same,
        Err(feed) => {
            let feed = feed.downcast::<Arc<dyn Feed<Carried<T, A>>>>();
            mapped(*feed.expect("it has just been put there"), |carried| {
                Carried {
                    item: carried.item,
                    ticket: B::of_ticket(carried.ticket.into_ticket()),
                }
            })
        }
    }
}

/// The same feed with what `map` makes of each item and its ticket.
pub(crate) fn mapped<T: Send + 'static, U: Send + 'static, A: Carry, B: Carry>(
    feed: Arc<dyn Feed<Carried<T, A>>>,
    map: impl Fn(Carried<T, A>) -> Carried<U, B> + Send + Sync + 'static,
) -> Arc<dyn Feed<Carried<U, B>>> {
    Arc::new(Mapped {
        feed,
        map,
        spare: Mutex::default(),
    })
}

/// The items of a feed with other tickets beside them.
struct Mapped<T, K, F> {
    feed: Arc<dyn Feed<Carried<T, K>>>,
    map: F,
    /// The buffer of the last taking.
    spare: Mutex<Vec<Carried<T, K>>>,
}

impl<T, K, F> Mapped<T, K, F> {
    fn spare(&self) -> MutexGuard<'_, Vec<Carried<T, K>>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Send + 'static, U: Send + 'static, A: Carry, B: Carry, F> Feed<Carried<U, B>>
    for Mapped<T, A, F>
where
    F: Fn(Carried<T, A>) -> Carried<U, B> + Send + Sync,
{
    fn poll_take(
        &self,
        place: usize,
        cx: &mut Context<'_>,
        want: usize,
        batch: &mut Batch<Carried<U, B>>,
        take: Take,
    ) -> Poll<Option<u64>> {
        let mut taken = Batch::new();
        taken.items = std::mem::take(&mut *self.spare());
        let stamp = self.feed.poll_take(place, cx, want, &mut taken, take);
        batch.items.extend(taken.items.drain(..).map(&self.map));
        batch.failures.append(&mut taken.failures);
        batch.hold = taken.hold.take();
        *self.spare() = std::mem::take(&mut taken.items);
        stamp
    }

    fn used(&self, items: usize) {
        self.feed.used(items);
    }

    fn unpark(&self, place: usize) {
        self.feed.unpark(place);
    }

    fn workers(&self, count: usize) {
        self.feed.workers(count);
    }

    fn share(&self) -> usize {
        self.feed.share()
    }
}
