//! No journal.

use pipeline_runtime::Name;
use pipeline_runtime::journal::{Begin, Begun, Finish, Frame, Journal, JournalError};

/// Stands for the journal of a pipeline that has none.
#[derive(Debug, Clone, Copy)]
pub enum NoJournal {}

impl Journal for NoJournal {
    fn name(&self) -> Name {
        match *self {}
    }

    async fn begin(&self, _: Vec<Begin>) -> Result<Vec<Begun>, JournalError> {
        match *self {}
    }

    async fn record(&self, _: Vec<Frame>) -> Result<Vec<usize>, JournalError> {
        match *self {}
    }

    async fn finish(&self, _: Vec<Finish>) -> Result<(), JournalError> {
        match *self {}
    }
}
