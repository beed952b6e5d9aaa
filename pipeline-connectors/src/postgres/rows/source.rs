//! The source.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use pipeline_runtime::source::{Flow, Pulled, Source, SourceError};
use pipeline_runtime::{ErrorKind, Name, Origin};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::cells;
use super::error::RowsError;
use super::page::Page;
use super::parts::RowsPosition;
use super::plan::{Plan, What};
use super::reading::read_all;
use super::stats::RowsStats;
use crate::postgres::error::Failed;

/// Rows of a PostgreSQL database as a source; [`Postgres::rows`](crate::database::Postgres::rows) describes them.
///
/// Nothing is read, and no snapshot taken, before a pipeline asks for the first row.
///
/// # Errors
///
/// A row that is not what it is read as, is a failure that names its key, and the rest goes on. A connection that is lost, or
/// a server that stops, ends the source, and so does what it refuses ([`RowsError`]): nothing is asked again by itself, since a
/// new snapshot sees other rows. [`source::again`](pipeline_runtime::source::again) goes on from a [`RowsPosition`].
///
/// # Cancel safety
///
/// A dropped pull loses nothing. The connections end with the source.
#[must_use = "a source reads nothing until a pipeline pulls from it"]
pub struct PostgresRows<R> {
    plan: Arc<Plan>,
    /// Not before something is asked for.
    reading: Option<Reading>,
    page: Option<Page>,
    has_ended: bool,
    row: PhantomData<fn() -> R>,
}

struct Reading {
    pages: mpsc::Receiver<Page>,
    task: JoinHandle<Result<(), Failed>>,
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl<R> fmt::Debug for PostgresRows<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresRows")
            .field("name", &self.plan.name)
            .field("db", &self.plan.db)
            .finish_non_exhaustive()
    }
}

impl<R> PostgresRows<R> {
    pub(super) fn new(plan: Plan) -> Self {
        Self {
            plan: Arc::new(plan),
            reading: None,
            page: None,
            has_ended: false,
            row: PhantomData,
        }
    }

    /// A handle that shows how far the source has come.
    #[must_use]
    pub fn stats(&self) -> RowsStats {
        self.plan.stats.clone()
    }

    fn position(&self) -> Option<&RowsPosition> {
        match &self.plan.what {
            What::Table { position, .. } => Some(position),
            What::Query(_) => None,
        }
    }

    fn origin(&self) -> Origin {
        Origin::new(Arc::clone(&self.plan.name))
    }

    fn ended_by(&self, error: RowsError) -> SourceError {
        SourceError::new(error).at(self.origin())
    }

    /// The next page, if there is one.
    async fn turn(&mut self) -> Result<Option<Page>, SourceError> {
        let plan = &self.plan;
        let reading = self.reading.get_or_insert_with(|| {
            let (sender, pages) = mpsc::channel(1);
            let task = tokio::spawn(read_all(Arc::clone(plan), sender));
            Reading { pages, task }
        });
        if let Some(page) = reading.pages.recv().await {
            return Ok(Some(page));
        }
        // It is done with, or else it has panicked.
        let read = (&mut reading.task).await;
        self.has_ended = true;
        self.reading = None;
        match read {
            Ok(Ok(())) => Ok(None),
            Ok(Err(failed)) => Err(self.ended_by(self.plan.failed(&failed))),
            Err(panicked) => {
                let failed = Failed {
                    kind: ErrorKind::Closed,
                    ..Failed::away(format!("its reader is gone: {panicked}"))
                };
                Err(self.ended_by(self.plan.failed(&failed)))
            }
        }
    }
}

impl<R: DeserializeOwned + Send + 'static> PostgresRows<R> {
    /// Hands on what it can of this page, until so much is there; whether there is more of it.
    fn hand_on(&self, page: &mut Page, most: usize, out: &mut Pulled<R>) -> bool {
        while out.len() < most {
            let Some(row) = page.rows.next() else {
                break;
            };
            let read = cells::read(&row, &self.plan.columns);
            let key = page.of.as_mut().and_then(|of| of.keys.next());
            self.plan.stats.row(read.is_ok());
            match read {
                Ok(item) => out.push(item),
                Err(error) => {
                    let error = self.plan.refused(key.as_ref(), error);
                    out.fail(SourceError::new(error).at(self.origin()));
                }
            }
            if let (Some(position), Some(of), Some(key)) = (self.position(), &page.of, &key) {
                position.moves(of.part, key);
            }
        }
        if !page.rows.as_slice().is_empty() {
            return true;
        }
        if let (Some(position), Some(of)) = (self.position(), &page.of)
            && of.is_last
        {
            position.done(of.part);
        }
        false
    }
}

impl<R: DeserializeOwned + Send + 'static> Source for PostgresRows<R> {
    type Item = R;

    async fn pull(&mut self, max: usize, out: &mut Pulled<R>) -> Result<Flow, SourceError> {
        if self.has_ended {
            return Ok(Flow::End);
        }
        let before = out.len();
        loop {
            let page = match self.page.take() {
                Some(page) => Some(page),
                None => self.turn().await?,
            };
            let Some(mut page) = page else {
                return Ok(Flow::End);
            };
            let has_more = self.hand_on(&mut page, before.saturating_add(max), out);
            if has_more {
                self.page = Some(page);
            }
            if out.len() > before {
                return Ok(Flow::More);
            }
        }
    }

    fn name(&self) -> Name {
        Arc::clone(&self.plan.name).into()
    }
}
