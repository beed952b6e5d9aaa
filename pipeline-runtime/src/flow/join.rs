//! Where the arms of a `match` come together again, whichever has an item.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};

use crate::flow::edge::{Take, Waiters};
use crate::flow::feed::{Batch, Feed};
use crate::ticket::Carried;

/// Takes from one arm after the other, and holds nothing.
pub(crate) struct Join<T, K> {
    arms: Vec<Arc<dyn Feed<Carried<T, K>>>>,
    state: Mutex<State>,
    wakes: Arc<Wakes>,
    waker: Waker,
}

struct State {
    /// Those that have ended.
    ended: Vec<bool>,
    turn: usize,
    stamps: u64,
    /// What was taken to be given back when it is used up: from which arm, and how much.
    kept: VecDeque<(usize, usize)>,
}

/// Those who wait behind a join. One is woken whenever any of its arms may go on.
#[derive(Debug, Default)]
pub(crate) struct Wakes(Mutex<Waiters>);

impl Wakes {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Waiters> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn one(&self) {
        let next = self.lock().choose();
        next.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn all(&self) {
        let all = self.lock().choose_all();
        all.into_iter().for_each(Waker::wake);
    }
}

/// Does not keep alive who waits.
struct Woken(Weak<Wakes>);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        if let Some(wakes) = self.0.upgrade() {
            wakes.one();
        }
    }
}

/// What the arms wake.
pub(crate) fn waker(wakes: &Arc<Wakes>) -> Waker {
    Waker::from(Arc::new(Woken(Arc::downgrade(wakes))))
}

/// Of what was kept, in the order in which it was taken, so many items are used up: of which arm, and how many.
pub(crate) fn given_back(
    kept: &mut VecDeque<(usize, usize)>,
    mut items: usize,
) -> Vec<(usize, usize)> {
    let mut back = Vec::new();
    while items > 0
        && let Some((arm, count)) = kept.front_mut()
    {
        let used = items.min(*count);
        back.push((*arm, used));
        items -= used;
        *count -= used;
        if *count == 0 {
            kept.pop_front();
        }
    }
    back
}

impl<T, K> Join<T, K> {
    pub(crate) fn new(arms: Vec<Arc<dyn Feed<Carried<T, K>>>>) -> Self {
        let wakes = Arc::<Wakes>::default();
        Self {
            state: Mutex::new(State {
                ended: vec![false; arms.len()],
                turn: 0,
                stamps: 0,
                kept: VecDeque::new(),
            }),
            arms,
            waker: waker(&wakes),
            wakes,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Send + 'static, K: Send + 'static> Feed<Carried<T, K>> for Join<T, K> {
    fn poll_take(
        &self,
        place: usize,
        cx: &mut Context<'_>,
        want: usize,
        batch: &mut Batch<Carried<T, K>>,
        take: Take,
    ) -> Poll<Option<u64>> {
        // Held while an arm is asked: of what two take from one arm at the same time, the first gets the first number.
        let mut state = self.lock();
        // Before the arms are asked: who is woken by what they bring is to find this one.
        self.wakes.lock().park(place, cx.waker());
        let cx = &mut Context::from_waker(&self.waker);
        let (count, turn) = (self.arms.len(), state.turn);
        let mut more = Batch::new();
        for step in 0..count {
            let arm = (turn + step) % count;
            if state.ended[arm] {
                continue;
            }
            let room = want - batch.items.len();
            if room == 0 {
                break;
            }
            // What comes of the first is not moved.
            let taken = if batch.items.is_empty() {
                &mut *batch
            } else {
                &mut more
            };
            match self.arms[arm].poll_take(0, cx, room, taken, take) {
                Poll::Pending => {}
                Poll::Ready(None) => state.ended[arm] = true,
                Poll::Ready(Some(_)) => {
                    if take.keep {
                        state.kept.push_back((arm, taken.items.len()));
                    }
                    state.turn = arm + 1;
                    batch.items.append(&mut more.items);
                }
            }
        }
        if !batch.items.is_empty() {
            let stamp = state.stamps;
            let items = batch.items.len() as u64;
            state.stamps += if take.each { items } else { 1 };
            drop(state);
            self.wakes.lock().unpark(place);
            // There may be more, and the other arms may not have been asked: another one has to look.
            self.wakes.one();
            return Poll::Ready(Some(stamp));
        }
        if state.ended.iter().all(|ended| *ended) {
            drop(state);
            // Not itself: it may go on to wait for something else, and would be woken by each look of its own.
            self.wakes.lock().unpark(place);
            self.wakes.all();
            return Poll::Ready(None);
        }
        Poll::Pending
    }

    fn used(&self, items: usize) {
        let back = given_back(&mut self.lock().kept, items);
        for (arm, used) in back {
            self.arms[arm].used(used);
        }
    }

    fn unpark(&self, place: usize) {
        // Another one goes on in any case: if this one had been chosen already, its turn is lost otherwise.
        self.wakes.lock().unpark(place);
        self.wakes.one();
    }

    fn share(&self) -> usize {
        let shares = self.arms.iter().map(|arm| arm.share());
        shares.max().unwrap_or(1)
    }
}

impl<T, K> Join<T, K> {
    /// Nobody wants more: wakes everyone.
    pub(crate) fn close(&self) {
        self.wakes.all();
    }
}
