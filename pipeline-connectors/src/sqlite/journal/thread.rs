//! The thread that owns the connection.

use pipeline_runtime::journal::JournalError;
use pipeline_runtime::private::held;
use tokio::sync::{mpsc, oneshot};

use super::ask::{Answer, Ask};
use super::batch::Batches;

/// How many may ask before they have to wait; as many may go into one transaction.
const ASKS: usize = 256;

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
        let sent = self.0.send(ask(answer));
        let asked = async {
            sent.await.map_err(|_| gone())?;
            answered.await.map_err(|_| gone())?
        };
        held("the journal", asked).await
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
        batches.serve(std::mem::take(&mut asks));
        batches.prune();
    }
}
