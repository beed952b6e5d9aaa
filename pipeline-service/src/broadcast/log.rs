//! Where the events of a broadcast are kept that other programs hear, too.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use futures::future::BoxFuture;
use pipeline_runtime::{BoxError, Name};

/// Where the events of a broadcast are kept for a while: one sequence, whatever the number of programs that add to it and read
/// it. [`Broadcast::over`](super::Broadcast::over) takes it.
///
/// Events are numbered from 1 on, without a gap, in the order in which readers see them: an event is seen no earlier than all
/// before it. An event that was lost before it came here has a number all the same, so that whoever reads can count it. The
/// oldest may be dropped at any time.
pub trait EventLog: Send + Sync + 'static {
    /// The name in messages.
    fn name(&self) -> Name;

    /// Adds what is in the batch, as a whole and once: where it is not known whether a batch was added, it is given again, with
    /// the same number, and no later one of its writer comes before that is known.
    ///
    /// # Errors
    ///
    /// The place is away; it is asked again.
    fn append(&self, batch: Arc<Batch>) -> impl Future<Output = Result<(), LogError>> + Send;

    /// What there is after this number, up to `most` events, and the last number, of one instant.
    ///
    /// # Errors
    ///
    /// The place is away; it is asked again.
    fn read(&self, after: u64, most: usize) -> impl Future<Output = Result<Page, LogError>> + Send;

    /// Returns when it is worth to read again: when something was added since the call, not since the first poll, if that is
    /// known, else after a while. It ends within a second or so, whatever is known.
    ///
    /// # Cancel safety
    ///
    /// Has to be cancel safe.
    fn changed(&self) -> impl Future<Output = ()> + Send;
}

/// What a program adds to a log at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Who adds it: another for each handle of each program.
    pub writer: String,
    /// Which batch of that writer it is, from 1 on.
    pub number: u64,
    /// What is added, in order.
    pub entries: Vec<Entry>,
}

/// One entry of a [`Batch`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// An event, in JSON.
    Event(String),
    /// So many events that were lost: the numbers that they would have.
    Lost(u64),
}

impl Entry {
    /// How many numbers it takes.
    #[must_use]
    pub fn numbers(&self) -> u64 {
        match self {
            Self::Event(_) => 1,
            Self::Lost(count) => *count,
        }
    }
}

/// What is read of a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Events in JSON with their numbers, in order.
    pub events: Vec<(u64, String)>,
    /// The last number that was given, be its event there or not; 0 before the first.
    pub last: u64,
}

/// A place of events that cannot be reached.
#[derive(Debug)]
pub struct LogError(BoxError);

impl LogError {
    /// What the place said.
    pub fn new(error: impl Into<BoxError>) -> Self {
        Self(error.into())
    }
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&pipeline_runtime::guard::text(&self.0))
    }
}

impl Error for LogError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        pipeline_runtime::guard::source(&*self.0)
    }
}

/// The same, whatever the type.
pub(super) trait AnyLog: Send + Sync {
    fn name(&self) -> Name;

    fn append(&self, batch: Arc<Batch>) -> BoxFuture<'_, Result<(), LogError>>;

    fn read(&self, after: u64, most: usize) -> BoxFuture<'_, Result<Page, LogError>>;

    fn changed(&self) -> BoxFuture<'_, ()>;
}

impl<L: EventLog> AnyLog for L {
    fn name(&self) -> Name {
        EventLog::name(self)
    }

    fn append(&self, batch: Arc<Batch>) -> BoxFuture<'_, Result<(), LogError>> {
        Box::pin(EventLog::append(self, batch))
    }

    fn read(&self, after: u64, most: usize) -> BoxFuture<'_, Result<Page, LogError>> {
        Box::pin(EventLog::read(self, after, most))
    }

    fn changed(&self) -> BoxFuture<'_, ()> {
        Box::pin(EventLog::changed(self))
    }
}
