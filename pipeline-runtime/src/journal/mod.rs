//! Journals: which stages of a task are done, so that they are not run again when the task comes again.

mod asked;
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
mod restore;
mod scoped;
#[cfg_attr(
    not(feature = "journal"),
    allow(dead_code, reason = "there is nothing to record then")
)]
mod task;

use std::future::Future;
use std::sync::Arc;

use crate::name::Name;
use crate::place::place_error;

pub use crate::ticket::{Ending, Recorded, TaskName};
pub use asked::{Begin, Begun, Finish, Frame, UNRECORDED};
#[cfg(feature = "journal")]
pub(crate) use codec::decode;
#[cfg(feature = "journal")]
pub(crate) use once::once;
pub use open::RunningTask;
pub(crate) use recorder::Recorder;
pub use restore::{Forget, Restore, Restored};
#[doc(hidden)]
pub use task::Task;
pub(crate) use task::{Committing, Opening};

/// Records what `once` stages made, under the task's name and the stage's key; and knows who may still do so.
///
/// A task may be worked on twice at the same time: by a worker that was stopped or cut off past its lease and goes on,
/// and by the one that has its message now. So each [`begin`](Journal::begin) gives the task its next *epoch*, and what is
/// recorded or finished under an older one is refused: of two deliveries, the one that began last has the task.
///
/// Everything is done in batches: the runtime gathers what all items and all stages of a pipeline want recorded while
/// the last batch is being written, so that one `fsync` serves many frames.
///
/// While the journal is [away](crate::ErrorKind::Away) `begin` and `record` are asked again, with back-off, as long as it
/// takes; for a minute, where no task of the batch comes from a queue. Any other error, or a panic, fails the items whose
/// tasks it was asked for. An error of `finish` is logged. A stop may drop the future of any: then it was done or not.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a journal",
    note = "implement `Journal`, or use one of the connectors' journals"
)]
pub trait Journal: Send + Sync + 'static {
    /// The name in messages, as `sqlite:tasks.db`.
    fn name(&self) -> Name;

    /// The most bytes that one value may take. The stage's item goes on with a larger one, but it is not recorded: when
    /// the task comes again it fails there, without a call. The default is no limit.
    fn limit(&self) -> usize {
        usize::MAX
    }

    /// The tasks are under way from here on, under a new epoch each: what is known of them, an entry for each in the same
    /// order. From the moment on that this returns nothing more is recorded under their older epochs.
    ///
    /// A task that is [done](Ending::Done) stays so, and gets no epoch, unless both its message then and the one now have
    /// a number and these differ: that is a new task of an old name, of which nothing is recorded.
    fn begin(
        &self,
        tasks: Vec<Begin>,
    ) -> impl Future<Output = Result<Vec<Begun>, JournalError>> + Send;

    /// Records frames, each if its epoch is the newest of its task and the task is not done. Which frames were *fenced*,
    /// by their index: nothing of them is recorded.
    ///
    /// When it returns without an error, the others are as durable as the journal is: they survive a crash of the process,
    /// and with a disk behind it one of the machine. With an error, all or none of them are recorded. Recording a frame
    /// again replaces its value.
    fn record(
        &self,
        frames: Vec<Frame>,
    ) -> impl Future<Output = Result<Vec<usize>, JournalError>> + Send;

    /// The tasks come to an end, each if its epoch is the newest of its task: their frames are dropped. One that is done
    /// is remembered as such for as long as the journal's retention says.
    fn finish(&self, tasks: Vec<Finish>) -> impl Future<Output = Result<(), JournalError>> + Send;

    /// Makes tasks ready to be worked on again, each for a message that is about to be sent: for dead letters on their way
    /// back. What the task is to forget is dropped, and of what it should have recorded that is added which the journal
    /// does not know; nobody else has it from here on. Says of each what is known of it, in the same order.
    ///
    /// It may be done again at any time: where a task was restored for that message, or has begun with it, nothing is
    /// changed, so that who works on it goes on.
    ///
    /// The default begins the tasks, records what is missing, and cannot forget: who works on a task for the message by
    /// then loses it, and it is worked on again after a lease.
    fn restore(
        &self,
        tasks: Vec<Restore>,
    ) -> impl Future<Output = Result<Vec<Restored>, JournalError>> + Send {
        async move {
            if tasks.iter().any(|task| task.forget != Forget::nothing()) {
                return Err(JournalError::refused(
                    "this journal forgets no single value; implement `Journal::restore`",
                ));
            }
            let begins = tasks.iter().map(|task| task.begin.clone()).collect();
            let begun = self.begin(begins).await?;
            let (mut missing, mut restored) = (Vec::new(), Vec::with_capacity(tasks.len()));
            for (Restore { begin, frames, .. }, begun) in tasks.into_iter().zip(begun) {
                let Begun::Open {
                    epoch,
                    frames: known,
                } = begun
                else {
                    restored.push(Restored::Done);
                    continue;
                };
                restored.push(Restored::Open);
                let is_known = |frame: &Recorded| known.iter().any(|known| known.key == frame.key);
                let frames = frames.into_iter().filter(|frame| !is_known(frame));
                missing.extend(frames.map(|Recorded { key, value }| Frame {
                    task: begin.task.clone(),
                    epoch,
                    key,
                    value,
                }));
            }
            if !missing.is_empty() {
                // One that is fenced has begun again, and knows what there was.
                self.record(missing).await?;
            }
            Ok(restored)
        }
    }

    /// The same journal, with its tasks under names of their own.
    ///
    /// Tasks are known by scope and id. The scope is the name of the queue that the task's message comes from, or nothing
    /// where there is no queue: so two pipelines that see one id, for one forwards to the other, do not read each other's
    /// values. Where the scope should be another, say since the queue is renamed, write it here. Changing it makes all
    /// open tasks new ones.
    fn scope(self, name: impl Into<Arc<str>>) -> Scoped<Self>
    where
        Self: Sized,
    {
        Scoped {
            journal: self,
            name: name.into(),
        }
    }

    #[doc(hidden)]
    fn scope_name(&self) -> Option<Arc<str>> {
        None
    }
}

/// What [`Journal::scope`] makes.
#[derive(Debug, Clone)]
pub struct Scoped<J> {
    journal: J,
    name: Arc<str>,
}

place_error! {
    /// A journal could not be read or written.
    JournalError
}

#[diagnostic::do_not_recommend]
impl<J: Journal> Journal for Arc<J> {
    fn name(&self) -> Name {
        J::name(self)
    }

    fn limit(&self) -> usize {
        J::limit(self)
    }

    fn begin(
        &self,
        tasks: Vec<Begin>,
    ) -> impl Future<Output = Result<Vec<Begun>, JournalError>> + Send {
        J::begin(self, tasks)
    }

    fn record(
        &self,
        frames: Vec<Frame>,
    ) -> impl Future<Output = Result<Vec<usize>, JournalError>> + Send {
        J::record(self, frames)
    }

    fn finish(&self, tasks: Vec<Finish>) -> impl Future<Output = Result<(), JournalError>> + Send {
        J::finish(self, tasks)
    }

    fn restore(
        &self,
        tasks: Vec<Restore>,
    ) -> impl Future<Output = Result<Vec<Restored>, JournalError>> + Send {
        J::restore(self, tasks)
    }

    fn scope_name(&self) -> Option<Arc<str>> {
        J::scope_name(self)
    }
}
