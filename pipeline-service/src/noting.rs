//! An errors end that has failures noted.

use std::fmt;
use std::sync::Arc;

use pipeline_runtime::sink::{Links, Sink, SinkError, Written};
use pipeline_runtime::{Failure, Name};

use crate::core::Core;
use crate::noted::{Broken, Noticed};

/// An errors end that has each failure noted by the service; [`Context::errors`](crate::Context::errors) makes it.
pub struct Noting<E> {
    end: E,
    core: Arc<Core>,
    place: usize,
    run: u64,
}

impl<E> Noting<E> {
    pub(crate) fn new(end: E, core: Arc<Core>, place: usize, run: u64) -> Self {
        Self {
            end,
            core,
            place,
            run,
        }
    }
}

impl<E> fmt::Debug for Noting<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Noting")
            .field("process", &self.core.names[self.place])
            .finish_non_exhaustive()
    }
}

impl<T: Send + 'static, E: Sink<Failure<T>>> Sink<Failure<T>> for Noting<E> {
    const BATCHES: bool = E::BATCHES;
    const ALONE: bool = E::ALONE;

    async fn write(&self, mut failures: Vec<Failure<T>>) -> Result<Written, SinkError<Failure<T>>> {
        for failure in &mut failures {
            // One that is away is given them again.
            if failure.note() {
                let broken = Broken::of(failure);
                self.core
                    .note_run(self.place, &broken, Noticed::Item, self.run);
            }
        }
        self.end.write(failures).await
    }

    async fn flush(&self) -> Result<(), SinkError<Failure<T>>> {
        self.end.flush().await
    }

    fn name(&self) -> Name {
        self.end.name()
    }

    fn joins(&self, links: &Links) {
        self.end.joins(links);
    }
}
