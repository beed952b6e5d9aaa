//! The thread that owns the connection.

use std::sync::Arc;

use pipeline_runtime::ErrorKind;
use pipeline_runtime::journal::{Frame, JournalError, Recorded};
use tokio::sync::{mpsc, oneshot};

use super::batch::Batches;

/// How many may ask before they have to wait; as many may go into one transaction.
const ASKS: usize = 256;

type Answer<T> = oneshot::Sender<Result<T, JournalError>>;

/// What the thread is asked for, and where its answer goes.
pub(super) enum Ask {
    Load(Vec<Arc<str>>, Answer<Vec<Vec<Recorded>>>),
    Record(Vec<Frame>, Answer<()>),
    Finish(Vec<Arc<str>>, Answer<()>),
}

/// The way to the thread, which ends when it is dropped.
#[derive(Debug)]
pub(super) struct Asks(mpsc::Sender<Ask>);

impl Asks {
    /// # Cancel safety
    ///
    /// What was asked is done whether anyone waits for the answer or not.
    pub(super) async fn ask<T>(
        &self,
        ask: impl FnOnce(Answer<T>) -> Ask,
    ) -> Result<T, JournalError> {
        let (answer, answered) = oneshot::channel();
        let gone = || JournalError::closed("the thread of the journal is gone");
        self.0.send(ask(answer)).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

pub(super) fn start(batches: Batches) -> std::io::Result<Asks> {
    let (asks, asked) = mpsc::channel(ASKS);
    std::thread::Builder::new()
        .name("journal".into())
        .spawn(move || serve(asked, batches))?;
    Ok(Asks(asks))
}

fn serve(mut asked: mpsc::Receiver<Ask>, mut batches: Batches) {
    let mut asks = Vec::new();
    while asked.blocking_recv_many(&mut asks, ASKS) > 0 {
        let mut writes = Vec::new();
        for ask in asks.drain(..) {
            match ask {
                // Before the transaction, so that nobody reads what may still be undone.
                Ask::Load(tasks, answer) => drop(answer.send(batches.load(&tasks))),
                write => writes.push(write),
            }
        }
        if !writes.is_empty() {
            let outcome = batches.write(&writes);
            for write in writes {
                write.answer(&outcome);
            }
        }
        batches.prune();
    }
}

impl Ask {
    fn answer(self, outcome: &Result<(), (ErrorKind, String)>) {
        let outcome = outcome.clone();
        let outcome = outcome.map_err(|(kind, why)| JournalError::new(kind, why));
        match self {
            Self::Load(..) => {}
            Self::Record(_, answer) | Self::Finish(_, answer) => drop(answer.send(outcome)),
        }
    }
}
