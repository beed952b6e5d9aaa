//! The handle of one task, which its record carries.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::time::Instant;

use super::open::{Open, OpenTasks};
use super::{Begin, Begun, Ending, Finish, Frame, JournalError, Recorded, RunningTask, TaskName};
use crate::failure::{Away, Cause};
use crate::name::Name;
use crate::run::control::Control;
use crate::site::Scope;
use crate::step::Aside;
use crate::ticket::{Record, Rider, Seat};

/// A task whose stages are recorded. Clones are handles of the same task.
#[derive(Clone)]
pub struct Task(pub(super) Arc<Entry>);

/// What is known of a task.
pub(crate) struct Entry {
    pub(super) begin: Begin,
    /// Whether it comes from a queue, and so comes again.
    pub(super) is_of_delivery: bool,
    /// 0 before it has begun.
    epoch: AtomicU64,
    gathers: Arc<dyn Gathers>,
    /// Among the open tasks of the pipeline.
    place: usize,
    opened: Instant,
    /// The last stage it has reached.
    stage: AtomicUsize,
    state: Mutex<State>,
}

struct State {
    /// What is recorded, or on its way to be.
    frames: Vec<Recorded>,
    asked: Asked,
    waker: Option<Waker>,
}

/// What the journal was asked last, and how it went.
enum Asked {
    Answered,
    Waiting(Request),
    /// There is nothing more to do for it here.
    Aside(Aside),
    Failed(Request, Arc<JournalError>),
}

/// What the journal answers.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    Begun(Begun),
    Recorded,
    /// Another delivery of the task began after this one.
    Fenced,
}

#[derive(Debug, Clone)]
enum Request {
    Begin,
    Record(Arc<str>),
}

/// A recorder, whatever its journal.
pub(crate) trait Gathers: Send + Sync {
    fn name(&self) -> Name;

    fn limit(&self) -> usize;

    /// Under which its tasks are known, if that is written.
    fn scope(&self) -> Option<Arc<str>>;

    fn attach(&self, control: Arc<Control>);

    fn tasks(&self) -> &Arc<OpenTasks>;

    /// Begins a task, and settles its entry.
    fn begin(self: Arc<Self>, entry: Arc<Entry>);

    /// Records a frame, and settles the entry of its task.
    fn record(self: Arc<Self>, entry: Arc<Entry>, frame: Frame);

    /// A task comes to its end.
    fn finish(self: Arc<Self>, task: Finish);
}

impl Task {
    /// Begins the task, and to load what is recorded of it. It goes along with the ticket of its item from here on.
    pub(crate) fn open(
        gathers: Arc<dyn Gathers>,
        begin: Begin,
        is_of_delivery: bool,
        stage: usize,
        seat: &Seat,
    ) -> Opening {
        let entry = Arc::new_cyclic(|entry: &Weak<Entry>| Entry {
            begin,
            is_of_delivery,
            epoch: AtomicU64::new(0),
            gathers: Arc::clone(&gathers),
            place: gathers.tasks().add(entry.clone()),
            opened: Instant::now(),
            stage: AtomicUsize::new(stage),
            state: Mutex::new(State {
                frames: Vec::new(),
                asked: Asked::Waiting(Request::Begin),
                waker: None,
            }),
        });
        seat.take(entry.clone());
        gathers.begin(Arc::clone(&entry));
        Opening(Some(Self(entry)))
    }

    /// The id under which it is recorded.
    #[must_use]
    pub fn id(&self) -> &Arc<str> {
        &self.0.begin.task.id
    }

    /// It has reached stage number `stage`.
    pub(crate) fn reach(&self, stage: usize) {
        // Relaxed: nothing else is told by it.
        self.0.stage.store(stage, Ordering::Relaxed);
    }

    /// The value that is recorded under a key.
    pub(crate) fn recorded(&self, key: &str) -> Option<Arc<[u8]>> {
        let state = self.0.lock();
        let frame = state.frames.iter().find(|frame| &*frame.key == key)?;
        Some(Arc::clone(&frame.value))
    }

    /// Hands a value over to be recorded; [`Task::committed`] waits until it is.
    pub(crate) fn record(&self, key: &str, value: Arc<[u8]>) {
        let Entry {
            begin,
            gathers,
            state,
            ..
        } = &*self.0;
        let key = Arc::<str>::from(key);
        let recorded = Recorded {
            key: Arc::clone(&key),
            value: Arc::clone(&value),
        };
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        state.frames.push(recorded);
        state.asked = Asked::Waiting(Request::Record(Arc::clone(&key)));
        drop(state);
        let frame = Frame {
            task: begin.task.clone(),
            epoch: self.0.epoch(),
            key,
            value,
        };
        Arc::clone(gathers).record(Arc::clone(&self.0), frame);
    }

    /// Waits until what was handed over is recorded.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it is recorded all the same.
    pub(crate) fn committed(&self) -> Committing<'_> {
        Committing(self)
    }

    /// The most bytes of a value.
    pub(crate) fn limit(&self) -> usize {
        self.0.gathers.limit()
    }

    /// The name of the journal.
    pub(crate) fn journal(&self) -> Name {
        self.0.gathers.name()
    }
}

impl Entry {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The journal has answered; what it knows is added.
    pub(super) fn settle(&self, answer: Result<Answer, Arc<JournalError>>) {
        let mut state = self.lock();
        let asked = std::mem::replace(&mut state.asked, Asked::Answered);
        match (answer, asked) {
            (Ok(Answer::Begun(Begun::Open { epoch, frames })), _) => {
                // Relaxed: read under the same lock, or by who was told that the task has begun.
                self.epoch.store(epoch, Ordering::Relaxed);
                state.frames.extend(frames);
            }
            (Ok(Answer::Begun(Begun::Done)), _) => state.asked = Asked::Aside(Aside::AlreadyDone),
            (Ok(Answer::Fenced), _) => state.asked = Asked::Aside(Aside::Lost),
            (Err(error), Asked::Waiting(request)) => state.asked = Asked::Failed(request, error),
            (Ok(Answer::Recorded) | Err(_), _) => {}
        }
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn poll_answered(&self, cx: &Context<'_>) -> Poll<Result<(), Cause>> {
        let mut state = self.lock();
        match &state.asked {
            Asked::Answered => Poll::Ready(Ok(())),
            Asked::Aside(aside) => Poll::Ready(Err(Cause::Error(Box::new(*aside)))),
            Asked::Failed(request, error) => Poll::Ready(Err(self.failed(request, error))),
            Asked::Waiting(_) => {
                match &mut state.waker {
                    Some(waker) => waker.clone_from(cx.waker()),
                    none => *none = Some(cx.waker().clone()),
                }
                Poll::Pending
            }
        }
    }

    #[cold]
    fn failed(&self, request: &Request, error: &Arc<JournalError>) -> Cause {
        let (journal, task) = (self.gathers.name(), &self.begin.task.id);
        let what = match request {
            Request::Begin => format!("cannot begin task `{task}` in the journal {journal}"),
            Request::Record(key) => {
                format!("cannot record `{key}` of task `{task}` in the journal {journal}")
            }
        };
        let failed = Failed {
            what,
            error: Arc::clone(error),
        };
        if error.is_away() {
            let place = format!("the journal {journal}");
            return Cause::Away(Away::new(place, failed, Duration::ZERO));
        }
        Cause::Error(Box::new(failed))
    }
}

impl Open for Entry {
    fn opened(&self) -> Instant {
        self.opened
    }

    fn running(&self, scope: &Scope, now: Instant) -> RunningTask {
        // Relaxed: see `reach`.
        let stage = self.stage.load(Ordering::Relaxed);
        let all = scope.site().stages;
        RunningTask {
            id: Arc::clone(&self.begin.task.id),
            stage: scope.stage(stage),
            is_last: all.get(stage + 1).is_none_or(|next| next.frames.is_empty()),
            frames: all[stage].frames,
            age: now - self.opened,
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.gathers.tasks().remove(self.place);
    }
}

impl Rider for Entry {
    fn ended(&self, ending: Ending) {
        let epoch = self.epoch();
        if epoch == 0 {
            return;
        }
        Arc::clone(&self.gathers).finish(Finish {
            task: self.begin.task.clone(),
            epoch,
            ending,
        });
    }

    fn record(&self) -> Option<&dyn Record> {
        Some(self)
    }
}

impl Record for Entry {
    fn task(&self) -> &TaskName {
        &self.begin.task
    }

    fn epoch(&self) -> u64 {
        // Relaxed: it is set before anyone is told that the task has begun, and never again.
        self.epoch.load(Ordering::Relaxed)
    }

    fn frames(&self) -> Vec<Recorded> {
        self.lock().frames.clone()
    }
}

/// Why an item failed at a journal; one error of it may fail many items.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
struct Failed {
    what: String,
    #[source]
    error: Arc<JournalError>,
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Task({})", self.id())
    }
}

/// A task whose frames are being loaded.
#[derive(Debug)]
#[must_use = "nothing is known of the task before it is loaded"]
pub struct Opening(Option<Task>);

impl Future for Opening {
    type Output = Result<Task, Cause>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let task = self.0.as_ref().expect("not polled again");
        let opened = ready!(task.0.poll_answered(cx));
        let task = self.0.take();
        Poll::Ready(opened.map(|()| task.expect("not polled again")))
    }
}

/// A frame that is being recorded.
#[derive(Debug)]
#[must_use = "nothing is recorded for sure before it is awaited"]
pub struct Committing<'a>(&'a Task);

impl Future for Committing<'_> {
    type Output = Result<(), Cause>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.0.poll_answered(cx)
    }
}
