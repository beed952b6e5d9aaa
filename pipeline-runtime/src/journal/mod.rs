//! Journals: which stages of a task are done, so that they are not run again when the task comes again.

#[cfg(feature = "journal")]
mod codec;
mod lane;
#[cfg(feature = "journal")]
mod once;
mod open;
#[cfg_attr(
    not(feature = "journal"),
    allow(dead_code, reason = "there is nothing to record then")
)]
mod recorder;
#[cfg_attr(
    not(feature = "journal"),
    allow(dead_code, reason = "there is nothing to record then")
)]
mod task;

use std::future::Future;
use std::sync::Arc;

use crate::place::place_error;

pub use crate::ticket::Recorded;
#[cfg(feature = "journal")]
pub(crate) use codec::decode;
#[cfg(feature = "journal")]
pub(crate) use once::once;
pub(crate) use open::OpenTasks;
pub use open::RunningTask;
#[doc(hidden)]
pub use recorder::Recorder;
#[doc(hidden)]
pub use task::{Committing, Opening, Task};

/// Records what `once` stages made, under the task's id and the stage's key.
///
/// Everything is done in batches: the runtime gathers what all items and all stages of a pipeline want recorded while
/// the last batch is being written, so that one `fsync` serves many frames.
///
/// An error, or a panic, of `load` or `record` fails the items whose tasks it was asked for; one of `finish` is logged. A
/// stop may drop the future of any: then frames are recorded or not.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a journal",
    note = "implement `Journal`, or use one of the connectors' journals"
)]
pub trait Journal: Send + Sync + 'static {
    /// The name in messages, as `sqlite:tasks.db`.
    fn name(&self) -> Arc<str>;

    /// The most bytes that one value may take; a larger one fails its item alone. The default is no limit.
    fn limit(&self) -> usize {
        usize::MAX
    }

    /// What is recorded of the tasks: an entry for each, in the same order, empty if there is nothing.
    ///
    /// The tasks are under way from here on, also those that were finished before: what is loaded of them stays until
    /// they are finished again.
    fn load(
        &self,
        tasks: Vec<Arc<str>>,
    ) -> impl Future<Output = Result<Vec<Vec<Recorded>>, JournalError>> + Send;

    /// Records frames. When it returns without an error they are as durable as the journal is: they survive a crash of
    /// the process, and with a disk behind it one of the machine. All or none of them are recorded.
    ///
    /// Recording a frame again replaces its value.
    fn record(&self, frames: Vec<Frame>) -> impl Future<Output = Result<(), JournalError>> + Send;

    /// The tasks are done: their frames may be dropped, as the journal's retention says.
    fn finish(&self, tasks: Vec<Arc<str>>)
    -> impl Future<Output = Result<(), JournalError>> + Send;
}

/// What one `once` stage made for one task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The id of the task.
    pub task: Arc<str>,
    /// The key of the stage.
    pub key: Arc<str>,
    /// The value, encoded.
    pub value: Arc<[u8]>,
}

place_error! {
    /// A journal could not be read or written.
    JournalError
}

#[diagnostic::do_not_recommend]
impl<J: Journal> Journal for Arc<J> {
    fn name(&self) -> Arc<str> {
        J::name(self)
    }

    fn limit(&self) -> usize {
        J::limit(self)
    }

    fn load(
        &self,
        tasks: Vec<Arc<str>>,
    ) -> impl Future<Output = Result<Vec<Vec<Recorded>>, JournalError>> + Send {
        J::load(self, tasks)
    }

    fn record(&self, frames: Vec<Frame>) -> impl Future<Output = Result<(), JournalError>> + Send {
        J::record(self, frames)
    }

    fn finish(
        &self,
        tasks: Vec<Arc<str>>,
    ) -> impl Future<Output = Result<(), JournalError>> + Send {
        J::finish(self, tasks)
    }
}
