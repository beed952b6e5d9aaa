//! Where failures go: to the errors end, or, without one, into the result of the run.

mod aside;
mod sender;
mod verdict;

use std::any::Any;
use std::sync::{Arc, OnceLock};

pub(crate) use self::aside::Aside;
use self::sender::Sender;
pub(crate) use self::sender::Sent;
pub(crate) use self::verdict::Relay;
use self::verdict::Told;
pub(crate) use self::verdict::{Stopped, Verdict};
use crate::bounds::BoxFuture;
use crate::failure::{Cause, Failure, Origin, SourceError, StageInfo, Stop, brief};
use crate::guard;
use crate::line::Line;
use crate::run::control::Control;
use crate::sink::Sink;
use crate::ticket::Ticket;

/// Takes the failures of a pipeline's items, and the one that stops it.
pub(crate) trait Reporter<Task>: Send + Sync {
    /// Items failed, in this order. Waits until they are sent, however long the errors end is full, or away.
    fn report(&self, failures: Vec<Failure<Task>>) -> BoxFuture<'_, ()>;

    /// Whether the errors end takes several at once, so that they need not be waited for.
    fn gathers(&self) -> bool;

    /// Then: items failed, in this order. Who calls this keeps within bounds how many are not `sent`.
    fn gather(&self, failures: Vec<Failure<Task>>, sent: Sent);

    /// These are of a side line that nothing waits for. Waits until the errors end has them; whatever it says, nothing stops.
    fn beside(&self, failures: Vec<Failure<Task>>) -> BoxFuture<'_, ()>;

    /// The pipeline cannot go on.
    fn stop(&self, failure: Failure<Task>);
}

/// The failures of one pipeline, as its workers see them.
pub(crate) struct Errors<Task> {
    sender: OnceLock<Arc<Sender<Task>>>,
    verdict: Arc<Verdict<Task>>,
}

impl<Task: Send + 'static> Errors<Task> {
    pub(crate) fn new(control: Arc<Control>) -> Self {
        Self {
            sender: OnceLock::new(),
            verdict: Arc::new(Verdict::new(control)),
        }
    }

    pub(crate) fn set_end(&self, end: impl Sink<Failure<Task>>) {
        let sender = Sender::new(Box::new(end), Arc::clone(&self.verdict));
        let _ = self.sender.set(Arc::new(sender));
    }

    pub(crate) fn verdict(&self) -> Arc<Verdict<Task>> {
        Arc::clone(&self.verdict)
    }

    /// Where its inputs tell it what ends them.
    pub(crate) fn relay(self: &Arc<Self>) -> Relay {
        Relay(Arc::clone(self) as Arc<dyn Told>)
    }

    pub(crate) fn stopped(&self) -> bool {
        self.verdict.control.stopped()
    }

    /// The source cannot go on: without an errors end that is the first failure; with one nothing more is taken in, be
    /// it of another source, what was taken is processed, and the run says so at its end.
    pub(crate) fn source_broke(&self, stage: StageInfo, error: SourceError) {
        let fail_fast = self.sender.get().is_none();
        let (error, origin, _ticket) = error.into_parts();
        let cause = if fail_fast {
            Cause::Error(error)
        } else {
            Cause::Stopped(Stop::Source(error))
        };
        let mut failure = Failure::new(stage, cause);
        failure.0.origin = origin;
        if fail_fast {
            self.stop(failure);
        } else {
            self.show(std::slice::from_ref(&failure));
            self.verdict.decide(failure);
            self.verdict.control.drain();
        }
    }
}

impl<Task: Send + 'static> Told for Errors<Task> {
    fn stopped(&self, failure: Failure<()>) {
        self.stop(failure.map_task(|()| None));
    }

    fn broke(&self, source: StageInfo, error: SourceError) {
        self.source_broke(source, error);
    }
}

impl<Task: Send + 'static> Errors<Task> {
    /// Without an errors end the first of them is what the run returns; the messages of the others are given back.
    #[cold]
    fn fail_fast(&self, failures: Vec<Failure<Task>>) {
        let mut failures = failures.into_iter();
        if let Some(first) = failures.next() {
            self.verdict.stop(first);
        }
        guard::let_go_of(failures);
    }

    /// What is done to failures before they are sent.
    #[cold]
    fn prepare(&self, failures: &mut [Failure<Task>]) {
        failures.iter_mut().for_each(locate);
        self.show(failures);
    }

    /// Whoever looks on sees them.
    fn show(&self, failures: &[Failure<Task>]) {
        let Some(latest) = self.verdict.control.onlooker() else {
            return;
        };
        for failure in failures {
            latest.note(|number| failure.note_of(number));
        }
    }
}

impl<Task: Send + 'static> Reporter<Task> for Errors<Task> {
    fn report(&self, mut failures: Vec<Failure<Task>>) -> BoxFuture<'_, ()> {
        self.prepare(&mut failures);
        let Some(sender) = self.sender.get() else {
            self.fail_fast(failures);
            return Box::pin(std::future::ready(()));
        };
        Box::pin(sender.send(failures))
    }

    fn gathers(&self) -> bool {
        self.sender.get().is_some_and(|sender| sender.gathers())
    }

    fn gather(&self, mut failures: Vec<Failure<Task>>, sent: Sent) {
        self.prepare(&mut failures);
        match self.sender.get() {
            Some(sender) => sender.gather(failures, sent),
            None => self.fail_fast(failures),
        }
    }

    fn beside(&self, failures: Vec<Failure<Task>>) -> BoxFuture<'_, ()> {
        self.show(&failures);
        if let Some(sender) = self.sender.get() {
            return Box::pin(sender.send_beside(failures));
        }
        guard::let_go_of(failures);
        Box::pin(std::future::ready(()))
    }

    fn stop(&self, failure: Failure<Task>) {
        self.show(std::slice::from_ref(&failure));
        self.verdict.stop(failure);
    }
}

/// Tells its messages why they have failed, for the queue to keep if they come again.
fn tell<Task>(failure: &Failure<Task>) {
    let messages = failure.0.ticket.ticket().messages();
    if messages.is_empty() {
        return;
    }
    let error = brief(failure);
    for message in messages {
        message.original.failed(Arc::clone(&error));
    }
}

/// Says where the item comes from, if that is known: from its task, where that is a line, or from its message.
#[cold]
fn locate<Task: 'static>(failure: &mut Failure<Task>) {
    tell(failure);
    let details = &mut failure.0;
    if details.origin.is_some() {
        return;
    }
    let task = details.task.as_ref().map(|task| task as &dyn Any);
    let line = task.and_then(|task| task.downcast_ref::<Line>());
    details.origin = match line {
        Some(line) => Some(line.place()),
        None => message(details.ticket.ticket()),
    };
}

/// The queue and the id of a message, if it is one: those of a batch are several.
fn message(ticket: &Ticket) -> Option<Origin> {
    match &ticket.messages()[..] {
        [message] => {
            let (queue, id) = (message.original.queue(), message.original.id());
            // Put together: what `format!` costs shows where much fails.
            Some(Origin::new([&**queue, "/", &**id].concat()))
        }
        _ => None,
    }
}

/// The reporter of a segment: its failures carry no task of the pipeline's.
pub(crate) struct Untasked<Task>(pub(crate) Arc<dyn Reporter<Task>>);

fn untasked<Task>(failures: Vec<Failure<()>>) -> Vec<Failure<Task>> {
    let untasked = failures
        .into_iter()
        .map(|failure| failure.map_task(|()| None));
    untasked.collect()
}

impl<Task: Send + 'static> Reporter<()> for Untasked<Task> {
    fn report(&self, failures: Vec<Failure<()>>) -> BoxFuture<'_, ()> {
        self.0.report(untasked(failures))
    }

    fn gathers(&self) -> bool {
        self.0.gathers()
    }

    fn gather(&self, failures: Vec<Failure<()>>, sent: Sent) {
        self.0.gather(untasked(failures), sent);
    }

    fn beside(&self, failures: Vec<Failure<()>>) -> BoxFuture<'_, ()> {
        self.0.beside(untasked(failures))
    }

    fn stop(&self, failure: Failure<()>) {
        self.0.stop(failure.map_task(|()| None));
    }
}
