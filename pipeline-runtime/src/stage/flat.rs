//! Groups with `flat_map`: outputs are handed on one by one.

use std::future::poll_fn;
use std::ops::{AsyncFn, ControlFlow};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::asynchronous::{Driving, Work};
use super::intake::Pace;
use super::shared::Shared;
use super::slots::Slots;
use super::watch::Cx;
use crate::counts::Tally;
use crate::edge::{Bound, Edge};
use crate::errors::Reporter;
use crate::failure::StageInfo;
use crate::private::{Item, Shareable};
use crate::step::{Entry, Step};

/// The most outputs for which room is made at once.
const MOST: usize = 1024;

/// Takes the outputs of one item.
pub struct Emitter<O, Task>(Arc<Emitting<O, Task>>);

struct Emitting<O, Task> {
    edge: Arc<Edge<O>>,
    reporter: Arc<dyn Reporter<Task>>,
    stages: Vec<StageInfo>,
    first: usize,
    seq: u64,
    state: Mutex<State<O>>,
    cx: Mutex<Cx>,
}

struct State<O> {
    outputs: Vec<O>,
    /// Outputs that may be added before more room is needed.
    room: usize,
    pace: Pace,
    tally: Tally,
}

impl<O: Item, Task: Item> Emitter<O, Task> {
    fn new<T: Item, M: Item>(shared: &Arc<Shared<T, M, O, Task>>, seq: u64) -> Self {
        let cx = Cx::new(shared);
        cx.item(seq);
        Self(Arc::new(Emitting {
            edge: Arc::clone(&shared.edge),
            reporter: Arc::clone(&shared.reporter),
            stages: shared.stages.clone(),
            first: shared.opts.stages.start,
            seq,
            state: Mutex::new(State {
                outputs: Vec::new(),
                room: 0,
                pace: Pace::new(),
                tally: shared.tally(),
            }),
            cx: Mutex::new(cx),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State<O>> {
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
        state.outputs.push(output);
        ControlFlow::Continue(())
    }

    async fn make_room(&self) -> ControlFlow<()> {
        {
            let State { outputs, pace, .. } = &mut *self.state();
            pace.end(outputs.len());
        }
        let granted = poll_fn(|cx| {
            let State {
                outputs,
                pace,
                tally,
                ..
            } = &mut *self.state();
            let want = pace.want(MOST);
            let Emitting { edge, seq, .. } = &*self.0;
            edge.poll_emit(*seq, cx, outputs, want, tally)
        })
        .await;
        let Ok(granted) = granted else {
            return ControlFlow::Break(());
        };
        let mut state = self.state();
        state.room = granted;
        state.pace.begin(MOST);
        ControlFlow::Continue(())
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
            let row = failure.stage.index - self.0.first;
            failure.stage = self.0.stages[row];
            self.0.reporter.report(failure).await;
            self.state().tally.stages[row].failed += 1;
        }
        ControlFlow::Continue(())
    }

    /// Says that the call to come, attempt number `attempt`, has the group's timeout.
    pub fn arm(&self, attempt: u32) {
        self.0
            .cx
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .arm(attempt);
    }

    /// Whether the call ended in time; if not, its failure has been reported and the step is `Gone`.
    #[must_use]
    pub fn disarm(&self) -> bool {
        self.0
            .cx
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .disarm()
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
pub fn flat_fn<T: Item, M: Item, O: Item, Task: Item, F, G>(
    work: &Work<T, M, O, Task>,
    f: F,
) -> Arc<G>
where
    F: AsyncFn(Entry<T, M>, Emitter<O, Task>) -> Step<(), M, Task> + Shareable<G>,
{
    work.shared
        .edge
        .rebound(|bound| Bound { extra: 1, ..bound });
    f.share()
}

/// One driver of a group with `flat_map`.
pub async fn drive_flat<T: Item, M: Item, O: Item, Task: Item, F>(
    work: Work<T, M, O, Task>,
    f: Arc<F>,
) where
    F: AsyncFn(Entry<T, M>, Emitter<O, Task>) -> Step<(), M, Task>,
{
    let (shared, f) = (&work.shared, &*f);
    let run = |seq, entry: Entry<T, M>| async move {
        let emitter = Emitter::new(shared, seq);
        let step = f(entry, Emitter(Arc::clone(&emitter.0))).await;
        match step {
            Step::Emit(()) => emitter.finish(|_| {}),
            Step::Filtered(stage) => {
                let row = shared.row(stage);
                emitter.finish(|tally| tally.stages[row].filtered += 1);
            }
            Step::Failed(failure) => {
                // Boxed: a future in flight has no room for what rarely happens.
                let row = Box::pin(shared.failed(failure)).await;
                emitter.finish(|tally| tally.stages[row].failed += 1);
            }
            Step::Again {
                item,
                attempt,
                delay,
            } => {
                emitter.give_back();
                return Step::Again {
                    item,
                    attempt,
                    delay,
                };
            }
            Step::Gone => emitter.give_back(),
        }
        Step::Gone
    };
    let mut driver = Driving::new(&work);
    let mut slots = Slots::new(driver.share());
    poll_fn(|cx| driver.poll(cx, &mut slots, &run)).await;
}
