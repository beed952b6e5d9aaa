//! An index as a sink.

use std::fmt;
use std::sync::Arc;

use pipeline_runtime::Name;
use pipeline_runtime::sink::{Settles, Sink, SinkError, Stake, Written};
use serde::Serialize;

use super::core::Core;
use super::gather::{Gather, ID, IdOf};
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
            .field("server", &format_args!("{}", core.client.reach.address))
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
    const SETTLES: Settles = Settles::Names;

    async fn write(&self, items: Vec<R>) -> Result<Written, SinkError<R>> {
        self.settle(items, Vec::new()).await
    }

    async fn settle(&self, items: Vec<R>, stakes: Vec<Stake>) -> Result<Written, SinkError<R>> {
        let items = items.into_iter().map(|item| vec![item]).collect();
        let written = self.0.write(items, true, &stakes).await;
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
    const SETTLES: Settles = Settles::Names;

    async fn write(&self, items: Vec<Vec<R>>) -> Result<Written, SinkError<Vec<R>>> {
        self.0.write(items, false, &[]).await
    }

    async fn settle(
        &self,
        items: Vec<Vec<R>>,
        stakes: Vec<Stake>,
    ) -> Result<Written, SinkError<Vec<R>>> {
        self.0.write(items, false, &stakes).await
    }

    fn name(&self) -> Name {
        self.0.core.name.clone()
    }
}

impl<R: Serialize + Send + 'static> Inner<R> {
    /// Writes items that are `single`, or batches; with what is known of their tasks.
    async fn write(
        &self,
        mut items: Vec<Vec<R>>,
        single: bool,
        stakes: &[Stake],
    ) -> Result<Written, SinkError<Vec<R>>> {
        let known = if self.id.is_none() {
            names(&items, single, stakes)
        } else {
            Vec::new()
        };
        let mut gather = Gather::new(single, &known);
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

/// What documents are called by their tasks: each that is all of one.
fn names<R>(items: &[Vec<R>], single: bool, stakes: &[Stake]) -> Vec<Vec<Option<String>>> {
    let each = items.iter().zip(stakes).map(|(parts, stake)| {
        if single {
            vec![name(stake)]
        } else if stake.elements.len() == parts.len() {
            stake.elements.iter().map(name).collect()
        } else {
            Vec::new()
        }
    });
    each.collect()
}

fn name(stake: &Stake) -> Option<String> {
    let task = stake.task()?;
    let name = if task.scope.is_empty() {
        task.id.to_string()
    } else {
        format!("{}:{}", task.scope, task.id)
    };
    (name.len() <= ID && !name.is_empty()).then_some(name)
}
