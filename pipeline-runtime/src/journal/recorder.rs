//! Gathers what the tasks of one pipeline begin and record, so that one call of the journal serves many.

use std::future::Future;
use std::sync::{Arc, OnceLock};

use super::lane::Lane;
use super::open::OpenTasks;
use super::task::{Answer, Entry, Gathers, Opening, Task};
use super::{Begin, Finish, Frame, Journal, JournalError, TaskName};
use crate::guard;
use crate::name::Name;
use crate::run::control::Control;
use crate::run::patience::Patience;
use crate::site::Scope;
use crate::ticket::Message;

/// The journal of one pipeline. Clones are handles of the same.
#[derive(Clone)]
pub struct Recorder(Arc<dyn Gathers>);

impl Recorder {
    pub(crate) fn new(journal: impl Journal) -> Self {
        Self(Arc::new(Gathering {
            patience: Patience::new(format!("journal {}", journal.name())),
            journal,
            control: OnceLock::new(),
            tasks: Arc::default(),
            begins: Lane::new(),
            records: Lane::new(),
            finished: Lane::new(),
        }))
    }

    /// Its batches run among the tasks of this pipeline, which lists the tasks that are open.
    pub(crate) fn attach(&self, control: &Arc<Control>, scope: Scope) -> Arc<OpenTasks> {
        let tasks = self.0.tasks();
        tasks.of(scope);
        self.0.attach(Arc::clone(control));
        Arc::clone(tasks)
    }

    /// Opens a task in stage number `stage`.
    pub(crate) fn open(&self, id: Arc<str>, stage: usize, message: Message) -> Opening {
        let is_of_delivery = message.queue.is_some();
        let scope = self.0.scope().or(message.queue);
        let scope = scope.unwrap_or_else(|| Arc::from(""));
        let begin = Begin {
            task: TaskName { scope, id },
            message: message.number,
        };
        Task::open(
            Arc::clone(&self.0),
            begin,
            is_of_delivery,
            stage,
            &message.seat,
        )
    }
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Recorder({})", self.0.name())
    }
}

struct Gathering<J> {
    journal: J,
    patience: Patience,
    control: OnceLock<Arc<Control>>,
    tasks: Arc<OpenTasks>,
    begins: Lane<Arc<Entry>>,
    records: Lane<(Arc<Entry>, Frame)>,
    finished: Lane<Finish>,
}

impl<J: Journal> Gathers for Gathering<J> {
    fn name(&self) -> Name {
        self.journal.name()
    }

    fn limit(&self) -> usize {
        self.journal.limit()
    }

    fn scope(&self) -> Option<Arc<str>> {
        self.journal.scope_name()
    }

    fn attach(&self, control: Arc<Control>) {
        let _ = self.control.set(control);
    }

    fn tasks(&self) -> &Arc<OpenTasks> {
        &self.tasks
    }

    fn begin(self: Arc<Self>, entry: Arc<Entry>) {
        if self.begins.add(entry) {
            Arc::clone(&self).serve(self.beginning());
        }
    }

    fn record(self: Arc<Self>, entry: Arc<Entry>, frame: Frame) {
        if self.records.add((entry, frame)) {
            Arc::clone(&self).serve(self.recording());
        }
    }

    fn finish(self: Arc<Self>, task: Finish) {
        if self.finished.add(task) {
            // The last acknowledgements come after the stages have ended.
            let control = self.control.get().expect("attached before anything runs");
            control.keep_passing(Box::pin(Arc::clone(&self).finishing()));
        }
    }
}

impl<J: Journal> Gathering<J> {
    /// Runs until there is nothing to do. A task that waits for work would have to be told of the end.
    fn serve(self: Arc<Self>, work: impl Future<Output = ()> + Send + 'static) {
        let control = self.control.get().expect("attached before anything runs");
        control.spawn(Box::pin(work));
    }

    async fn beginning(self: Arc<Self>) {
        while let Some(entries) = self.begins.batch() {
            let tasks: Vec<_> = entries.iter().map(|entry| entry.begin.clone()).collect();
            let begun = self
                .ask(&entries, || self.journal.begin(tasks.clone()))
                .await;
            match begun.and_then(|begun| complete(begun, entries.len())) {
                Ok(begun) => {
                    for (entry, begun) in entries.iter().zip(begun) {
                        entry.settle(Ok(Answer::Begun(begun)));
                    }
                }
                Err(error) => fail(&entries, error),
            }
        }
    }

    async fn recording(self: Arc<Self>) {
        while let Some(batch) = self.records.batch() {
            let (entries, frames): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
            let recorded = self.ask(&entries, || self.journal.record(frames.clone()));
            match recorded.await {
                Ok(fenced) => {
                    let mut answers = vec![Answer::Recorded; entries.len()];
                    for index in fenced {
                        if let Some(answer) = answers.get_mut(index) {
                            *answer = Answer::Fenced;
                        }
                    }
                    for (entry, answer) in entries.iter().zip(answers) {
                        entry.settle(Ok(answer));
                    }
                }
                Err(error) => fail(&entries, error),
            }
        }
    }

    /// Asks for what these tasks need, as often as it takes while the journal is away. What was asked for before may be
    /// done: a task that has begun may begin again, and a frame be recorded again.
    async fn ask<T, F>(
        &self,
        entries: &[Arc<Entry>],
        ask: impl Fn() -> F,
    ) -> Result<T, JournalError>
    where
        F: Future<Output = Result<T, JournalError>>,
    {
        let deliveries = entries.iter().any(|entry| entry.is_of_delivery);
        let mut asking = self.patience.asking();
        loop {
            match answered(ask()).await {
                Err(error) if error.is_away() => {
                    if !asking.pause(&error, deliveries).await {
                        return Err(error);
                    }
                }
                answer => {
                    asking.answered();
                    return answer;
                }
            }
        }
    }

    async fn finishing(self: Arc<Self>) {
        while let Some(tasks) = self.finished.batch() {
            let finished = answered(async { self.journal.finish(tasks).await }).await;
            if let Err(error) = finished {
                // They are done all the same; what is left of them goes with its age.
                tracing::warn!(journal = %self.journal.name(), %error, "cannot finish tasks");
            }
        }
    }
}

/// The answer of a journal, which is asked in `asked`; a panic is an error.
async fn answered<T>(
    asked: impl Future<Output = Result<T, JournalError>>,
) -> Result<T, JournalError> {
    let answer = guard::run_and_drop(asked).await;
    answer.unwrap_or_else(|panicked| Err(JournalError::refused(format!("it {panicked}"))))
}

/// An answer that is not for all is for none: a task must not be taken for new by mistake.
fn complete<T>(begun: Vec<T>, tasks: usize) -> Result<Vec<T>, JournalError> {
    if begun.len() == tasks {
        return Ok(begun);
    }
    let message = format!("it answered for {} of {tasks} tasks", begun.len());
    Err(JournalError::refused(message))
}

fn fail(entries: &[Arc<Entry>], error: JournalError) {
    tracing::warn!(%error, tasks = entries.len(), "the journal failed");
    let error = Arc::new(error);
    for entry in entries {
        entry.settle(Err(Arc::clone(&error)));
    }
}
