//! An index as a sink.

use std::fmt;
use std::sync::Arc;

use pipeline_runtime::Name;
use pipeline_runtime::sink::{Sink, SinkError, Written};
use serde::Serialize;

use super::core::Core;
use super::gather::{Gather, IdOf};
use super::stats::BulkStats;
use super::writing::Writing;

/// An index that documents are written to; [`elasticsearch`](crate::sink::elasticsearch) describes one. Clones are the same.
///
/// A write that is dropped may have been done in part.
#[must_use = "a sink writes only what a pipeline gives it"]
pub struct Elasticsearch<R>(pub(super) Arc<Inner<R>>);

pub(super) struct Inner<R> {
    pub(super) id: Option<IdOf<R>>,
    pub(super) core: Core,
}

impl<R> Clone for Elasticsearch<R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<R> fmt::Debug for Elasticsearch<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let core = &self.0.core;
        f.debug_struct("Elasticsearch")
            .field("server", &format_args!("{}", core.client.address))
            .field("index", &core.index)
            .finish_non_exhaustive()
    }
}

impl<R> Elasticsearch<R> {
    /// What became of the documents so far.
    #[must_use]
    pub fn stats(&self) -> BulkStats {
        self.0.core.stats.clone()
    }
}

impl<R: Serialize + Send + 'static> Sink<R> for Elasticsearch<R> {
    async fn write(&self, items: Vec<R>) -> Result<Written, SinkError<R>> {
        let items = items.into_iter().map(|item| vec![item]).collect();
        let written = self.0.write(items, true).await;
        written.map_err(|error| {
            let kind = error.kind();
            let (error, written, items) = error.into_parts();
            SinkError::new(kind, error)
                .with_written(written)
                .with_items(items.into_iter().flatten().collect())
        })
    }

    fn name(&self) -> Name {
        self.0.core.name.clone()
    }
}

impl<R: Serialize + Send + 'static> Sink<Vec<R>> for Elasticsearch<R> {
    async fn write(&self, items: Vec<Vec<R>>) -> Result<Written, SinkError<Vec<R>>> {
        self.0.write(items, false).await
    }

    fn name(&self) -> Name {
        self.0.core.name.clone()
    }
}

impl<R: Serialize + Send + 'static> Inner<R> {
    /// Writes items that are `single`, or batches.
    async fn write(
        &self,
        mut items: Vec<Vec<R>>,
        single: bool,
    ) -> Result<Written, SinkError<Vec<R>>> {
        let mut gather = Gather::new(single, &[]);
        let mut writing = Writing::new(&self.core);
        let mut unfit = Vec::new();
        loop {
            let limit = self.core.limit();
            let request = gather.next(&items, self.id.as_ref(), limit, &mut unfit);
            writing.unfit(unfit.drain(..));
            let Some(request) = request else {
                return Ok(writing.written);
            };
            if let Err(stopped) = writing.send(request).await {
                let left = items.split_off(stopped.item);
                return Err(SinkError::new(stopped.error.kind(), stopped.error)
                    .with_written(writing.written)
                    .with_items(left));
            }
        }
    }
}
