//! A page of rows, and how a reader hands it over.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_postgres::Row;

use super::plan::Plan;
use super::stats::Held;

/// Rows that came together.
pub(super) struct Page {
    pub(super) rows: std::vec::IntoIter<Row>,
    /// Of a table: its part, the keys of the rows, and whether it is the last page of that part.
    pub(super) of: Option<Of>,
    pub(super) _held: Held,
    /// Gone when all of it is handed on, and nothing of it is held: then its reader goes on.
    pub(super) _turn: OwnedSemaphorePermit,
}

pub(super) struct Of {
    pub(super) part: usize,
    pub(super) keys: std::vec::IntoIter<Arc<str>>,
    pub(super) is_last: bool,
}

/// Where the pages of a reader go: it has one at a time.
pub(super) struct Hand {
    turns: Arc<Semaphore>,
    pages: mpsc::Sender<Page>,
}

impl Hand {
    pub(super) fn new(pages: mpsc::Sender<Page>) -> Self {
        Self {
            turns: Arc::new(Semaphore::new(1)),
            pages,
        }
    }

    /// Waits until all that it gave is handed on.
    pub(super) async fn turn(&self) -> OwnedSemaphorePermit {
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        turn.expect("nobody closes it")
    }

    /// Gives a page.
    pub(super) async fn give(
        &self,
        plan: &Plan,
        turn: OwnedSemaphorePermit,
        rows: Vec<Row>,
        of: Option<Of>,
    ) {
        let bytes = rows.iter().map(|row| row.raw_size_bytes() as u64).sum();
        let page = Page {
            rows: rows.into_iter(),
            of,
            _held: plan.stats.page(bytes),
            _turn: turn,
        };
        // Who goes away takes nothing more: this is dropped then, too.
        let _gone = self.pages.send(page).await;
    }
}
