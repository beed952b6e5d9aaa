//! Groups with `flat_map`: outputs are handed on one by one.

use std::future::poll_fn;
use std::ops::{AsyncFn, ControlFlow};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::deadline::Cx;
use super::driving::{Driving, Work};
use super::key::Key;
use super::scoped::Scoped;
use super::shared::Shared;
use super::wiring::{Wired, Wiring};
use crate::bounds::{Item, Shareable};
use crate::errors::Reporter;
use crate::flow::edge::{Bound, Edge};
use crate::guard;
use crate::measure::counts::Tally;
use crate::measure::pace::Pace;
use crate::named::debug_by_name;
use crate::placed::Placed;
use crate::step::{Entry, Step};
use crate::ticket::{Carried, Carry, Ticket};

/// The most outputs for which room is made at once.
const MOST: usize = 1024;

/// Takes the outputs of one item.
pub struct Emitter<O, Task, K>(Arc<Emitting<O, Task, K>>);

debug_by_name!(Emitter<O, Task, K>);

struct Emitting<O, Task, K> {
    edge: Arc<Edge<Carried<O, K>>>,
    reporter: Arc<dyn Reporter<Task>>,
    stages: Arc<Placed>,
    first: usize,
    seq: u64,
    state: Mutex<State<O, K>>,
    cx: Mutex<Cx>,
    /// How many futures of the driver wait for room.
    waiting: Arc<AtomicUsize>,
}

struct State<O, K> {
    outputs: Vec<Carried<O, K>>,
    /// The item's, while no call under a deadline has it.
    ticket: K,
    /// Whether an output has left the group, or has failed behind the stage that multiplies.
    has_parts: bool,
    /// Outputs that may be added before more room is needed.
    room: usize,
    pace: Pace,
    tally: Tally,
}

impl<O, K> Drop for State<O, K> {
    fn drop(&mut self) {
        guard::let_go_of(std::mem::take(&mut self.outputs));
    }
}

/// Counts a future among those that wait for room, as long as it does.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn begin(waiting: &'a AtomicUsize) -> Self {
        // Relaxed, as below: the futures of a driver are polled, and dropped, by nobody else.
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        // Relaxed: see `begin`.
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<O: Item, Task: Item, K: Carry> Emitter<O, Task, K> {
    fn new<W>(shared: &Arc<Shared<W>>, seq: u64, ticket: K, waiting: &Arc<AtomicUsize>) -> Self
    where
        W: Wiring<Out = O, Task = Task, Ticket = K>,
    {
        let cx = Cx::new(shared);
        cx.item(seq, Ticket::null());
        Self(Arc::new(Emitting {
            edge: Arc::clone(&shared.edge),
            reporter: Arc::clone(&shared.reporter),
            stages: Arc::clone(&shared.stages),
            first: shared.opts.stages.start,
            seq,
            state: Mutex::new(State {
                outputs: Vec::new(),
                ticket,
                has_parts: false,
                room: 0,
                pace: Pace::new(),
                tally: shared.tally(),
            }),
            cx: Mutex::new(cx),
            waiting: Arc::clone(waiting),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State<O, K>> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands one output on; waits for room. `Break`: nobody wants more, the step is `Gone`.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: the output is lost.
    pub async fn emit(&self, output: O) -> ControlFlow<()> {
        if self.state().room == 0 && self.make_room().await.is_break() {
            return ControlFlow::Break(());
        }
        let mut state = self.state();
        state.room -= 1;
        let ticket = state.ticket.part();
        state.has_parts = true;
        state.outputs.push(Carried {
            item: output,
            ticket,
        });
        ControlFlow::Continue(())
    }

    async fn make_room(&self) -> ControlFlow<()> {
        {
            let State { outputs, pace, .. } = &mut *self.state();
            pace.end(outputs.len());
        }
        let mut waits = None;
        let granted = poll_fn(|cx| {
            let State {
                outputs,
                pace,
                tally,
                ..
            } = &mut *self.state();
            let want = pace.want(MOST);
            let Emitting {
                edge, seq, waiting, ..
            } = &*self.0;
            let granted = edge.poll_emit(*seq, cx, outputs, want, tally);
            if granted.is_pending() && waits.is_none() {
                waits = Some(Waits::begin(waiting));
            }
            granted
        })
        .await;
        drop(waits);
        let Ok(granted) = granted else {
            return ControlFlow::Break(());
        };
        let mut state = self.state();
        state.room = granted;
        state.pace.begin(MOST, None);
        ControlFlow::Continue(())
    }

    /// An item has passed that arm of a `match`, as it is numbered in the group.
    pub fn passed(&self, arm: usize) {
        self.state().tally.arms[arm] += 1;
    }

    /// Counts one output of `flat_map` stage number `stage`.
    pub fn emitted(&self, stage: usize) {
        *self.state().tally.stages[stage - self.0.first]
            .emitted
            .get_or_insert(0) += 1;
    }

    /// An output of a `flat_map` was dropped by stage number `stage`.
    pub fn filtered(&self, stage: usize) {
        self.state().tally.stages[stage - self.0.first].filtered += 1;
    }

    /// An output of a `flat_map` failed later in the group; `step` is what `failed(…)` built.
    pub async fn failed<M>(&self, step: Step<O, M, Task>) -> ControlFlow<()> {
        if let Step::Failed(mut failure) = step {
            let row = failure.0.number - self.0.first;
            failure.0.stage = self.0.stages.get(row).clone();
            failure.0.ticket = self.part().into();
            self.0.reporter.report(vec![failure]).await;
            self.state().tally.stages[row].failed += 1;
        }
        ControlFlow::Continue(())
    }

    /// A part of the item's ticket for an output that goes another way.
    fn part(&self) -> Ticket {
        let mut state = self.state();
        state.has_parts = true;
        state.ticket.part().into_ticket()
    }

    fn cx(&self) -> MutexGuard<'_, Cx> {
        self.0.cx.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that the call to come, attempt number `attempt`, has the group's timeout.
    pub fn arm(&self, attempt: u32) {
        let ticket = std::mem::take(&mut self.state().ticket);
        let cx = self.cx();
        cx.item(self.0.seq, ticket.into_ticket());
        cx.arm(attempt);
    }

    /// Whether the call ended in time; if not, its failure has been reported and the step is `Gone`.
    #[must_use]
    pub fn disarm(&self) -> bool {
        let cx = self.cx();
        let in_time = cx.disarm();
        self.state().ticket = K::of_ticket(cx.ticket());
        in_time
    }

    /// What is left of the item's ticket.
    fn ticket(&self) -> K {
        std::mem::take(&mut self.state().ticket)
    }

    /// All outputs are handed on, if there were any.
    fn settle(&self, ticket: K) {
        if self.state().has_parts {
            ticket.done();
        } else {
            ticket.filtered();
        }
    }

    /// The item is resolved: hands in what is left and counts it in `row`, if it was not simply done.
    fn finish(&self, count: impl FnOnce(&mut Tally)) {
        let State {
            outputs,
            room,
            tally,
            ..
        } = &mut *self.state();
        count(tally);
        tally.resolved += 1;
        self.0
            .edge
            .finish(self.0.seq, outputs, std::mem::take(room), tally);
    }

    /// The item goes back to wait, or was resolved by its deadline: what it held is given back.
    fn give_back(&self) {
        let State { outputs, room, .. } = &mut *self.state();
        self.0
            .edge
            .give_back(std::mem::take(outputs).len() + std::mem::take(room));
    }
}

/// Ties the types of a group to its function.
pub fn flat_fn<T: Item, M: Item, O: Item, Task: Item, K: Carry, Y: Key, F, G>(
    work: &Work<Wired<T, M, O, Task, K, Y>>,
    f: F,
) -> Arc<G>
where
    F: AsyncFn(Entry<T, M>, Emitter<O, Task, K>) -> Step<(), M, Task> + Shareable<G>,
{
    work.shared
        .edge
        .rebound(|bound| Bound { extra: 1, ..bound });
    f.share()
}

/// One driver of a group with `flat_map`.
pub async fn drive_flat<T: Item, M: Item, O: Item, Task: Item, K: Carry, Y: Key, F>(
    work: Work<Wired<T, M, O, Task, K, Y>>,
    f: Arc<F>,
) where
    F: AsyncFn(Entry<T, M>, Emitter<O, Task, K>) -> Step<(), M, Task>,
{
    let (shared, f) = (&work.shared, &*f);
    let waiting = Arc::default();
    let run = |seq, entry: Entry<T, M>, ticket: &mut K| {
        let scope = ticket.scope();
        let emitter = Emitter::new(shared, seq, std::mem::take(ticket), &waiting);
        let working = async move {
            let called = guard::run(f(entry, Emitter(Arc::clone(&emitter.0)))).await;
            let step = called.unwrap_or_else(|panicked| {
                if emitter.cx().is_gone() {
                    return Step::Gone;
                }
                Step::Failed(shared.fell(panicked))
            });
            let ticket = emitter.ticket();
            match step {
                Step::Emit(()) => {
                    emitter.finish(|_| {});
                    emitter.settle(ticket);
                }
                Step::Filtered(stage) => {
                    let row = shared.row(stage);
                    emitter.finish(|tally| tally.stages[row].filtered += 1);
                    ticket.filtered();
                }
                Step::AlreadyDone(stage) | Step::Lost(stage) => {
                    let (row, is_lost) = (shared.row(stage), matches!(step, Step::Lost(_)));
                    emitter.finish(|tally| tally.aside(row, is_lost, ticket));
                }
                Step::Failed(failure) => {
                    // Boxed: a future in flight has no room for what rarely happens.
                    let (failure, row) = shared.failed(failure, ticket);
                    Box::pin(shared.report(vec![failure])).await;
                    emitter.finish(|tally| tally.stages[row].failed += 1);
                }
                Step::Again {
                    item,
                    attempt,
                    delay,
                } => {
                    emitter.give_back();
                    let step = Step::Again {
                        item,
                        attempt,
                        delay,
                    };
                    return (step, ticket);
                }
                Step::Gone => emitter.give_back(),
            }
            shared.moved_on();
            (Step::Gone, K::default())
        };
        Scoped::new(scope, working)
    };
    let mut driver = Driving::new(&work);
    let mut slots = driver.slots();
    poll_fn(|cx| {
        loop {
            let polled = driver.poll(cx, &mut slots, &run);
            // Relaxed: see `Waits`.
            if polled.is_ready() || !shared.has_heads() || waiting.load(Ordering::Relaxed) == 0 {
                return polled;
            }
            // All places may be taken by what waits for its turn behind the one that waits for its next attempt.
            let Some(due) = driver.poll_head(cx) else {
                return polled;
            };
            driver.start_again(&mut slots, &run, due);
        }
    })
    .await;
}
