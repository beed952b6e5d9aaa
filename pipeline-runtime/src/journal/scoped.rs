//! A journal under another name of its tasks.

use std::future::Future;
use std::sync::Arc;

use crate::name::Name;

use super::{Begin, Begun, Finish, Frame, Journal, JournalError, Restore, Restored, Scoped};

#[diagnostic::do_not_recommend]
impl<J: Journal> Journal for Scoped<J> {
    fn name(&self) -> Name {
        self.journal.name()
    }

    fn limit(&self) -> usize {
        self.journal.limit()
    }

    fn begin(
        &self,
        tasks: Vec<Begin>,
    ) -> impl Future<Output = Result<Vec<Begun>, JournalError>> + Send {
        self.journal.begin(tasks)
    }

    fn record(
        &self,
        frames: Vec<Frame>,
    ) -> impl Future<Output = Result<Vec<usize>, JournalError>> + Send {
        self.journal.record(frames)
    }

    fn finish(&self, tasks: Vec<Finish>) -> impl Future<Output = Result<(), JournalError>> + Send {
        self.journal.finish(tasks)
    }

    fn restore(
        &self,
        tasks: Vec<Restore>,
    ) -> impl Future<Output = Result<Vec<Restored>, JournalError>> + Send {
        self.journal.restore(tasks)
    }

    fn scope_name(&self) -> Option<Arc<str>> {
        Some(Arc::clone(&self.name))
    }
}
