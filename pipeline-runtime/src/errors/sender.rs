//! Failures on their way to the errors end: several chunks in one write, where it takes several.

use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::{Either, select};
use tokio::sync::oneshot;

use super::verdict::Verdict;
use crate::bounds::BoxFuture;
use crate::failure::{BoxError, Failure, Stop};
use crate::guard::{self, Shown};
use crate::run::control::Unsent;
use crate::run::patience::Patience;
use crate::sink::{MOST, Sink, SinkError};
use crate::ticket::Undecided;

/// Called when failures are sent, or nobody is to get them any more.
pub(crate) type Sent = Box<dyn FnOnce() + Send>;

/// An errors end and what waits for it.
pub(super) struct Sender<Task> {
    end: Box<dyn End<Task>>,
    patience: Patience,
    verdict: Arc<Verdict<Task>>,
    gathered: Mutex<Gathered<Task>>,
}

struct Gathered<Task> {
    /// In the order in which they came.
    waiting: VecDeque<Waiting<Task>>,
    /// A task is sending what waits, and ends when nothing does.
    is_sending: bool,
}

/// What goes in one write, and who is told when it is sent.
type Write<Task> = (Vec<Failure<Task>>, Vec<(Sent, Unsent)>);

struct Waiting<Task> {
    failures: Vec<Failure<Task>>,
    sent: Sent,
    unsent: Unsent,
}

impl<Task: Send + 'static> Sender<Task> {
    pub(super) fn new(end: Box<dyn End<Task>>, verdict: Arc<Verdict<Task>>) -> Self {
        Self {
            end,
            patience: Patience::new("errors end"),
            verdict,
            gathered: Mutex::new(Gathered {
                waiting: VecDeque::new(),
                is_sending: false,
            }),
        }
    }

    /// Whether one write for several is better than a write for each.
    pub(super) fn gathers(&self) -> bool {
        self.end.batches()
    }

    fn gathered(&self) -> MutexGuard<'_, Gathered<Task>> {
        // A queue: nothing can be left half done.
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends failures, and waits for that, or until the pipeline is stopped.
    ///
    /// # Cancel safety
    ///
    /// For who is stopped with the pipeline: what is not sent then may be, or not.
    pub(super) async fn send(self: &Arc<Self>, failures: Vec<Failure<Task>>) {
        if !self.gathers() {
            return self.send_now(failures).await;
        }
        let (sent, is_sent) = oneshot::channel();
        self.gather(
            failures,
            Box::new(move || sent.send(()).unwrap_or_default()),
        );
        let stopped = pin!(self.verdict.control.until_stopped());
        select(is_sent, stopped).await;
    }

    /// Has a task of its own send them, which the end of the run waits for.
    pub(super) fn gather(self: &Arc<Self>, failures: Vec<Failure<Task>>, sent: Sent) {
        let unsent = Unsent::new(&self.verdict.control, failures.len());
        let mut gathered = self.gathered();
        gathered.waiting.push_back(Waiting {
            failures,
            sent,
            unsent,
        });
        if !std::mem::replace(&mut gathered.is_sending, true) {
            drop(gathered);
            let sending = Sending {
                sender: Arc::clone(self),
                has_ended: false,
            };
            self.verdict.control.keep_passing(Box::pin(sending.run()));
        }
    }

    /// The next write; `None` when nothing waits.
    fn next(&self) -> Option<Write<Task>> {
        let mut gathered = self.gathered();
        let (mut failures, mut told) = (Vec::new(), Vec::new());
        while let Some(next) = gathered.waiting.front()
            && (told.is_empty() || failures.len() + next.failures.len() <= MOST)
            && let Some(mut next) = gathered.waiting.pop_front()
        {
            failures.append(&mut next.failures);
            told.push((next.sent, next.unsent));
        }
        gathered.is_sending = !told.is_empty();
        (!told.is_empty()).then_some((failures, told))
    }

    async fn send_now(&self, failures: Vec<Failure<Task>>) {
        let sending = pin!(self.send_all(failures));
        // An errors end that is full or away must not outlive the pipeline.
        let stopped = pin!(self.verdict.control.until_stopped());
        if let Either::Left((Err(stop), _)) = select(sending, stopped).await {
            self.verdict.stop(stop);
        }
    }

    /// Sends failures of a side line that nothing waits for: once, and what the errors end says is only logged.
    ///
    /// # Cancel safety
    ///
    /// As [`Sender::send`].
    pub(super) async fn send_beside(&self, failures: Vec<Failure<Task>>) {
        let sending = pin!(self.end.send(failures));
        let stopped = pin!(self.verdict.control.until_stopped());
        if let Either::Left((Err(error), _)) = select(sending, stopped).await {
            let (error, written, left) = error.into_parts();
            let error = written.into_first().unwrap_or(error);
            tracing::warn!(error = %Shown(&error), "the errors end did not take the failure of a side line");
            guard::let_go_of(left);
        }
    }

    async fn send_all(&self, mut failures: Vec<Failure<Task>>) -> Result<(), Failure<Task>> {
        while !failures.is_empty() {
            let later = failures.split_off(failures.len().min(MOST));
            self.send_some(std::mem::replace(&mut failures, later))
                .await?;
        }
        Ok(())
    }

    /// Hands failures to the errors end, as often as it takes; why the pipeline cannot go on, if it cannot.
    async fn send_some(&self, mut failures: Vec<Failure<Task>>) -> Result<(), Failure<Task>> {
        let Some(stage) = failures.first().map(|first| first.stage().clone()) else {
            return Ok(());
        };
        let mut asking = self.patience.asking();
        loop {
            let Err(error) = self.end.send(failures).await else {
                asking.answered();
                return Ok(());
            };
            let away = error.is_away();
            let (error, written, left) = error.into_parts();
            let refused = written.into_first();
            // What did not come back cannot be sent again.
            let again = away && refused.is_none() && !left.is_empty() && {
                let deliveries = left.iter().any(Failure::is_of_delivery);
                asking.pause(&error, deliveries).await
            };
            if !again {
                let error = Unreported {
                    error: refused.unwrap_or(error),
                    first: left.first().map(|first| first.cause().to_string()),
                };
                guard::let_go_of(left);
                return Err(Failure::stopped(stage, Stop::ErrorsEnd(error.into())));
            }
            failures = left;
        }
    }
}

/// The task that sends what waits. Whatever ends it, nobody waits for it then.
struct Sending<Task: Send + 'static> {
    sender: Arc<Sender<Task>>,
    has_ended: bool,
}

impl<Task: Send + 'static> Sending<Task> {
    async fn run(mut self) {
        let sender = &self.sender;
        while let Some((failures, told)) = sender.next() {
            let stage = failures.first().map(|first| first.stage().clone());
            if sender.verdict.control.stopped() {
                guard::let_go_of(failures);
            } else if let Err(panicked) = guard::run(sender.send_now(failures)).await
                && let Some(stage) = stage
            {
                let stop = Stop::ErrorsEnd(Box::new(panicked));
                sender.verdict.stop(Failure::stopped(stage, stop));
            }
            for (sent, _unsent) in told {
                sent();
            }
        }
        self.has_ended = true;
    }
}

impl<Task: Send + 'static> Drop for Sending<Task> {
    fn drop(&mut self) {
        // By itself: nothing waits, or another task has begun with it. Else it was aborted, or the runtime is at its end.
        if !self.has_ended {
            let mut gathered = self.sender.gathered();
            // What comes later, of a call that has not returned yet, gets a task of its own.
            gathered.is_sending = false;
            let waiting = std::mem::take(&mut gathered.waiting);
            drop(gathered);
            guard::let_go_of(waiting.into_iter().flat_map(|waiting| waiting.failures));
        }
    }
}

/// An errors end, whatever its type.
pub(super) trait End<Task>: Send + Sync {
    /// Whether it takes several at once.
    fn batches(&self) -> bool;

    fn send(
        &self,
        failures: Vec<Failure<Task>>,
    ) -> BoxFuture<'_, Result<(), SinkError<Failure<Task>>>>;
}

impl<Task: Send + 'static, S: Sink<Failure<Task>>> End<Task> for S {
    fn batches(&self) -> bool {
        S::BATCHES
    }

    fn send(
        &self,
        mut failures: Vec<Failure<Task>>,
    ) -> BoxFuture<'_, Result<(), SinkError<Failure<Task>>>> {
        // An errors end that keeps them would keep the pipeline from going on.
        let tickets = failures.iter_mut().map(|failure| &mut failure.0.ticket);
        tickets.for_each(Undecided::unload);
        Box::pin(async move {
            let called = guard::run(async { self.write(failures).await }).await;
            let written = called.unwrap_or_else(|panicked| Err(SinkError::refused(panicked)))?;
            let refused = written.into_first().map(SinkError::refused);
            refused.map_or(Ok(()), Err)
        })
    }
}

/// What the errors end said, and the first failure that it did not take, if it came back.
#[derive(Debug)]
struct Unreported {
    error: BoxError,
    first: Option<String>,
}

impl fmt::Display for Unreported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the errors end failed ({})", Shown(&self.error))?;
        match &self.first {
            Some(cause) => write!(f, " for the failure `{cause}`"),
            None => Ok(()),
        }
    }
}

impl Error for Unreported {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.error)
    }
}
