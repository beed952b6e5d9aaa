//! The output end of a pipeline.

mod collect;
mod discard;
mod each;
mod each_mut;
mod error;
mod futures_sink;
mod lines;
mod sender;

use std::future::Future;
use std::ops::Range;
use std::sync::Arc;

use crate::failure::{Away, BoxError, Cause};
use crate::guard::{self, Going, Panicked, Shown};
use crate::name::Name;
use crate::run::idle::Idle;
#[doc(hidden)]
pub use crate::run::links::Links;
use crate::ticket::Ticket;
#[doc(hidden)]
pub use crate::ticket::{Settles, Stake};

pub use collect::{Collected, collect};
pub use discard::{Discard, discard};
pub use each::{Each, EachAsync, Outcome, each, each_async};
pub use each_mut::{EachMut, each_mut};
pub use error::SinkError;
pub use futures_sink::{FuturesSink, futures_sink};
pub use lines::{Lines, LinesError, LinesFile, lines, lines_to};

/// The most items in one write.
pub(crate) const MOST: usize = 1024;

/// Where items go: something that writes a batch of them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a sink for `{T}`",
    note = "a sink is a `tokio::sync::mpsc::Sender<{T}>`, `sink::each(|item: {T}| …)`, `sink::each_async` for an async function, a queue's `queue.sink()`, or a type that implements `Sink<{T}>`"
)]
pub trait Sink<T>: Send + Sync + 'static {
    /// Whether a write of many items costs less than one for each of them. The default is `true`: a write is given all
    /// that waits. With `false` a writer takes one item at first, and as many as make about 100 µs of work where they
    /// cost less, so that with `:drive n` those that cost more are spread over all `n` writers.
    const BATCHES: bool = true;

    /// Whether only one writer may write, whatever the count.
    #[doc(hidden)]
    const ALONE: bool = false;

    /// Writes the items; reports those that failed by index with their cause, or an error for all of them, whose
    /// [kind](crate::ErrorKind) says what becomes of them.
    ///
    /// There is at least one item, and at most 1,024. With `:drive n` up to `n` writes run at the same time. A panic
    /// fails all of the items. As an errors end it is written to by every stage at the same time.
    ///
    /// # Errors
    ///
    /// - *Refused*: the items fail.
    /// - *Away*: what comes back with the error is written again, with pauses that double from 100 ms to 3 s, and up to as
    ///   much again of chance; a warning is logged when that begins and each minute, and the end of it. Items of a queue's
    ///   deliveries are held so for ever: their leases are extended, and back-pressure stops the source. Without deliveries
    ///   it is waited for 60 s; then the items fail with [`Cause::Away`]. So they do at once where they do not come back. An
    ///   errors end that does not give back what it could not take, or is away for longer than that, stops the pipeline.
    /// - *Closed*: the pipeline stops. An errors end that refuses a failure stops it too.
    ///
    /// # Cancel safety
    ///
    /// Need not be cancel safe: only an abort, or the deadline of a drain, drops the future. As an errors end it is dropped
    /// when the pipeline stops.
    fn write(&self, items: Vec<T>) -> impl Future<Output = Result<Written, SinkError<T>>> + Send;

    /// Called after the last write has returned; not where the pipeline was stopped or aborted.
    ///
    /// # Errors
    ///
    /// One that is away is called again for up to 60 s. Any other is what `run` returns.
    fn flush(&self) -> impl Future<Output = Result<(), SinkError<T>>> + Send {
        async { Ok(()) }
    }

    /// The name in plans, reports and messages, unless the pipeline gives it one (`:drive sink with { name: "…" }`). The
    /// default is `sink`.
    fn name(&self) -> Name {
        "sink".into()
    }

    /// What it settles with its items, if it gets them by [`Sink::settle`].
    #[doc(hidden)]
    const SETTLES: Settles = Settles::Nothing;

    /// It is the end of a pipeline that may wait until nothing is left to do.
    #[doc(hidden)]
    fn leads_from(&self, _idle: &Arc<Idle>) {}

    /// It is the end of a pipeline, and may lead to another.
    #[doc(hidden)]
    fn joins(&self, _links: &Links) {}

    /// Writes the items, and settles what is at stake with them in the same transaction.
    #[doc(hidden)]
    fn settle(
        &self,
        items: Vec<T>,
        _stakes: Vec<Stake>,
    ) -> impl Future<Output = Result<Written, SinkError<T>>> + Send {
        self.write(items)
    }
}

/// What became of the items of one [`Sink::write`].
#[derive(Debug, Default)]
#[must_use]
pub struct Written {
    pub(crate) failed: Vec<Failed>,
    /// Items, or parts of them, of which nothing is written.
    pub(crate) aside: Vec<SetAside>,
    /// The queue knows of the others.
    pub(crate) settled: bool,
}

/// An item, or a part of one, that is not to be written.
#[derive(Debug)]
pub(crate) struct SetAside {
    pub(crate) index: usize,
    pub(crate) part: Option<usize>,
    /// It is somebody else's by now; else it was written before.
    pub(crate) is_lost: bool,
}

/// One item, or a part of one, that could not be written.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) index: usize,
    pub(crate) part: Option<usize>,
    pub(crate) cause: Cause,
    /// Of a sink that has the tickets.
    pub(crate) ticket: Ticket,
}

impl Failed {
    pub(crate) fn new(index: usize, part: Option<usize>, cause: Cause) -> Self {
        Self {
            index,
            part,
            cause,
            ticket: Ticket::null(),
        }
    }
}

impl Written {
    /// All items are written.
    pub fn all() -> Self {
        Self::default()
    }

    /// The item at `index` could not be written. The first cause for an index counts.
    pub fn fail(&mut self, index: usize, cause: impl Into<BoxError>) {
        let cause = Cause::Error(cause.into());
        self.failed.push(Failed::new(index, None, cause));
    }

    /// Part number `part` of the item at `index` could not be written (a row of a `Vec` of rows, say); the rest of it
    /// was. Each call is a failure of its own at the error end; the item itself counts as done.
    ///
    /// Where the item is a `Vec` just as `batch` made it, the failure decides about the delivery that is its element
    /// number `part`, and the others are done. Else it decides about all deliveries of the item.
    pub fn fail_part(&mut self, index: usize, part: usize, cause: impl Into<BoxError>) {
        let cause = Cause::Error(cause.into());
        self.failed.push(Failed::new(index, Some(part), cause));
    }

    /// The deliveries of what is written are acknowledged with it.
    #[doc(hidden)]
    pub fn settled() -> Self {
        Self {
            settled: true,
            ..Self::default()
        }
    }

    /// Nothing is written of the item at `index`, or of that part of it: it is somebody else's by now.
    #[doc(hidden)]
    pub fn lost(&mut self, index: usize, part: Option<usize>) {
        let is_lost = true;
        self.aside.push(SetAside {
            index,
            part,
            is_lost,
        });
    }

    /// The item at `index`, or that part of it, was written before.
    #[doc(hidden)]
    pub fn already_done(&mut self, index: usize, part: Option<usize>) {
        let is_lost = false;
        self.aside.push(SetAside {
            index,
            part,
            is_lost,
        });
    }

    /// What came of the call for the item at `index`.
    #[inline]
    pub(crate) fn outcome(&mut self, index: usize, called: Result<Result<(), BoxError>, Panicked>) {
        match called {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.fail(index, error),
            Err(panicked) => self.panicked(index, panicked),
        }
    }

    /// Writing the item at `index` panicked.
    pub(crate) fn panicked(&mut self, index: usize, panicked: Panicked) {
        let cause = Cause::Panic(panicked.into_message());
        self.failed.push(Failed::new(index, None, cause));
    }

    /// These are not written, all for the same reason.
    pub(crate) fn refuse(&mut self, indexes: Range<usize>, error: BoxError) {
        let error = SharedError(Arc::new(error));
        self.fail_all(indexes, || Cause::Error(Box::new(error.clone())));
    }

    /// The same: the sink was away for too long.
    pub(crate) fn away(count: usize, away: &Away) -> Self {
        let mut written = Self::all();
        written.fail_all(0..count, || Cause::Away(away.clone()));
        written
    }

    fn fail_all(&mut self, indexes: Range<usize>, cause: impl Fn() -> Cause) {
        let failed = |index| Failed::new(index, None, cause());
        self.failed.extend(indexes.map(failed));
    }

    /// Forgets what is said of items from `count` on.
    pub(crate) fn truncate(&mut self, count: usize) {
        self.failed.retain(|failed| failed.index < count);
    }

    /// The first cause, as an error.
    pub(crate) fn into_first(self) -> Option<BoxError> {
        let mut failed = Going::of(self.failed);
        let first = failed.next()?;
        Some(match first.cause {
            Cause::Error(error) => error,
            other => other.to_string().into(),
        })
    }

    /// The failures so far: index and cause.
    pub fn failures(&self) -> impl Iterator<Item = (usize, &Cause)> {
        self.failed
            .iter()
            .map(|failed| (failed.index, &failed.cause))
    }
}

/// One error that is the cause of several failures.
#[derive(Debug, Clone)]
struct SharedError(Arc<BoxError>);

impl std::fmt::Display for SharedError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Shown(&self.0).fmt(f)
    }
}

impl std::error::Error for SharedError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        guard::source(&**self.0)
    }
}
