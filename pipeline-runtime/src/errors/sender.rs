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
use crate::patience::Patience;
use crate::sink::{MOST, Sink, SinkError};

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
    waiting: VecDeque<(Vec<Failure<Task>>, Sent)>,
    /// A task is sending what waits, and ends when nothing does.
    is_sending: bool,
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

    /// Sends failures, and waits for that.
    ///
    /// # Cancel safety
    ///
    /// What is not sent yet may be lost: for who is stopped with the pipeline.
    pub(super) async fn send(self: &Arc<Self>, failures: Vec<Failure<Task>>) {
        if !self.gathers() {
            return self.send_now(failures).await;
        }
        let (sent, is_sent) = oneshot::channel();
        self.gather(
            failures,
            Box::new(move || sent.send(()).unwrap_or_default()),
        );
        // An error: the pipeline is stopped.
        let _ = is_sent.await;
    }

    /// Has a task of its own send them.
    pub(super) fn gather(self: &Arc<Self>, failures: Vec<Failure<Task>>, sent: Sent) {
        let mut gathered = self.gathered();
        gathered.waiting.push_back((failures, sent));
        if !std::mem::replace(&mut gathered.is_sending, true) {
            drop(gathered);
            let sender = Arc::clone(self);
            let sending = async move {
                while let Some((failures, sent)) = sender.next() {
                    sender.send_now(failures).await;
                    for sent in sent {
                        sent();
                    }
                }
            };
            self.verdict.control.keep_passing(Box::pin(sending));
        }
    }

    /// What goes in the next write. Of a pipeline that is stopped nothing is sent any more.
    fn next(&self) -> Option<(Vec<Failure<Task>>, Vec<Sent>)> {
        let mut gathered = self.gathered();
        let (mut failures, mut all) = (Vec::new(), Vec::new());
        while let Some((next, _)) = gathered.waiting.front()
            && (all.is_empty() || failures.len() + next.len() <= MOST)
            && let Some((mut next, sent)) = gathered.waiting.pop_front()
        {
            failures.append(&mut next);
            all.push(sent);
        }
        gathered.is_sending = !all.is_empty();
        drop(gathered);
        if self.verdict.control.stopped() {
            guard::let_go_of(failures.drain(..));
        }
        (!all.is_empty()).then_some((failures, all))
    }

    async fn send_now(&self, failures: Vec<Failure<Task>>) {
        let sending = pin!(self.send_all(failures));
        // An errors end that is full or away must not outlive the pipeline.
        let stopped = pin!(self.verdict.control.until_stopped());
        if let Either::Left((Err(stop), _)) = select(sending, stopped).await {
            self.verdict.stop(stop);
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
                return Err(Failure::stopped(stage, Stop::ErrorsEnd(error.into())));
            }
            failures = left;
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
        failures: Vec<Failure<Task>>,
    ) -> BoxFuture<'_, Result<(), SinkError<Failure<Task>>>> {
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
