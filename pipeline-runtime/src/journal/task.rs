//! The handle of one task, which its record carries.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::time::Instant;

use super::open::Stages;
use super::recorder::Gathers;
use super::{Frame, JournalError, Recorded, RunningTask};
use crate::failure::{Away, Cause};
use crate::ticket::Rider;

/// A task whose stages are recorded. Clones are handles of the same task.
#[derive(Clone)]
pub struct Task(pub(super) Arc<Entry>);

/// What is known of a task.
pub(crate) struct Entry {
    pub(super) id: Arc<str>,
    gathers: Arc<dyn Gathers>,
    /// Among the open tasks of the pipeline.
    place: usize,
    pub(super) opened: Instant,
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
    Failed(Request, Arc<JournalError>),
}

#[derive(Debug, Clone)]
enum Request {
    Load,
    Record(Arc<str>),
}

impl Task {
    /// Begins to load what is recorded of the task.
    pub(crate) fn open(gathers: Arc<dyn Gathers>, id: Arc<str>, stage: usize) -> Opening {
        let entry = Arc::new_cyclic(|entry| Entry {
            id,
            gathers: Arc::clone(&gathers),
            place: gathers.tasks().add(entry.clone()),
            opened: Instant::now(),
            stage: AtomicUsize::new(stage),
            state: Mutex::new(State {
                frames: Vec::new(),
                asked: Asked::Waiting(Request::Load),
                waker: None,
            }),
        });
        gathers.load(Arc::clone(&entry));
        Opening(Some(Self(entry)))
    }

    /// The id under which it is recorded.
    #[must_use]
    pub fn id(&self) -> &Arc<str> {
        &self.0.id
    }

    /// It has reached stage number `stage`.
    pub(crate) fn reach(&self, stage: usize) {
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
            id, gathers, state, ..
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
        let task = Arc::clone(id);
        Arc::clone(gathers).record(Arc::clone(&self.0), Frame { task, key, value });
    }

    /// Waits until what was handed over is recorded.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it is recorded all the same.
    pub(crate) fn committed(&self) -> Committing<'_> {
        Committing(self)
    }

    /// What goes along with the ticket of its item.
    pub(crate) fn rider(&self) -> Arc<dyn Rider> {
        Arc::clone(&self.0) as Arc<dyn Rider>
    }

    /// The most bytes of a value.
    pub(crate) fn limit(&self) -> usize {
        self.0.gathers.limit()
    }

    /// The name of the journal.
    pub(crate) fn journal(&self) -> Arc<str> {
        self.0.gathers.name()
    }
}

impl Entry {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far it is, in a pipeline of these stages.
    pub(super) fn running(&self, stages: Stages, now: Instant) -> RunningTask {
        let stage = self.stage.load(Ordering::Relaxed);
        let all = stages.site.stages;
        RunningTask {
            id: Arc::clone(&self.id),
            stage: stages.stage(stage),
            is_last: all.get(stage + 1).is_none_or(|next| next.frames.is_empty()),
            frames: all[stage].frames,
            age: now - self.opened,
        }
    }

    /// The journal has answered; what it has loaded is added.
    pub(super) fn settle(&self, answer: Result<Vec<Recorded>, Arc<JournalError>>) {
        let mut state = self.lock();
        let asked = std::mem::replace(&mut state.asked, Asked::Answered);
        match (answer, asked) {
            (Ok(loaded), _) => state.frames.extend(loaded),
            (Err(error), Asked::Waiting(request)) => state.asked = Asked::Failed(request, error),
            (Err(_), _) => {}
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
        let (journal, task) = (self.gathers.name(), &self.id);
        let what = match request {
            Request::Load => format!("cannot load task `{task}` from the journal {journal}"),
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

impl Drop for Entry {
    fn drop(&mut self) {
        self.gathers.tasks().remove(self.place);
    }
}

impl Rider for Entry {
    fn acked(&self) {
        Arc::clone(&self.gathers).finish(Arc::clone(&self.id));
    }

    fn task(&self) -> Arc<str> {
        Arc::clone(&self.id)
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
        write!(f, "Task({})", self.0.id)
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
