//! Pipelines whose counts change while they run, and that end in one way or another.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use brigade::{Handle, Report, Running, SetCountError};
use proptest::prelude::*;
use tokio::sync::watch;

/// How a pipeline ends, those in the middle after so many items are written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum End {
    Itself,
    Drain(u64),
    Abort(u64),
    Drop(u64),
    /// This item fails, and nobody takes failures.
    Failing(u64),
}

impl End {
    /// The only item that fails.
    pub(crate) fn only(self) -> Option<u64> {
        match self {
            Self::Failing(id) => Some(id),
            _ => None,
        }
    }

    /// Whether all that was taken has come to its end.
    pub(crate) fn is_whole(self) -> bool {
        matches!(self, Self::Itself | Self::Drain(_))
    }

    /// How many items there are, of which a drain is to find some that are not taken.
    pub(crate) fn items(self, items: u64) -> u64 {
        match self {
            Self::Drain(_) => 10 * items,
            _ => items,
        }
    }
}

/// Ends of a pipeline of so many items, of which at least a third are written.
pub(crate) fn end(items: u64) -> impl Strategy<Value = End> {
    let after = move || 0..items / 3;
    prop_oneof![
        2 => Just(End::Itself),
        1 => after().prop_map(End::Drain),
        1 => after().prop_map(End::Abort),
        1 => after().prop_map(End::Drop),
        1 => (0..items).prop_map(End::Failing),
    ]
}

/// After so many more items are written, a stage gets another count.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Change {
    pub(crate) after: u64,
    pub(crate) stage: usize,
    pub(crate) count: usize,
}

/// Changes of so many stages.
pub(crate) fn change(
    stages: usize,
    count: impl Strategy<Value = usize>,
) -> impl Strategy<Value = Change> {
    let change = (1_u64..60, 0..stages, count);
    change.prop_map(|(after, stage, count)| Change {
        after,
        stage,
        count,
    })
}

/// What was seen at the end of a pipeline.
#[derive(Debug)]
pub(crate) struct Seen<T> {
    pub(crate) written: Arc<Mutex<Vec<T>>>,
    pub(crate) failed: Arc<Mutex<u64>>,
    many: watch::Sender<u64>,
}

impl<T> Clone for Seen<T> {
    fn clone(&self) -> Self {
        Self {
            written: Arc::clone(&self.written),
            failed: Arc::clone(&self.failed),
            many: self.many.clone(),
        }
    }
}

impl<T> Default for Seen<T> {
    fn default() -> Self {
        Self {
            written: Arc::default(),
            failed: Arc::default(),
            many: watch::Sender::default(),
        }
    }
}

impl<T> Seen<T> {
    pub(crate) fn write(&self, item: T) {
        self.written.lock().unwrap().push(item);
        self.many.send_modify(|many| *many += 1);
    }

    async fn until_written(&self, many: u64) {
        let mut seen = self.many.subscribe();
        // This holds a sender.
        seen.wait_for(|seen| *seen >= many).await.unwrap();
    }

    /// Changes counts of these stages until it is cancelled.
    pub(crate) async fn change(
        self,
        handle: Handle,
        stages: &'static [&'static str],
        changes: Vec<Change>,
    ) {
        let mut many = 0;
        for Change {
            after,
            stage,
            count,
        } in changes.into_iter().cycle()
        {
            match handle.set_count(stages[stage], count) {
                Ok(()) | Err(SetCountError::Ended { .. }) => {}
                Err(error) => panic!("{error}"),
            }
            many += after;
            self.until_written(many).await;
        }
    }

    /// Ends the pipeline, and waits until nothing of it is left; the report. What fails alone does so in stage `first`.
    pub(crate) async fn ended(&self, running: Running, end: End, first: &str) -> Report {
        let handle = running.handle();
        match end {
            End::Itself => drop(running.await.unwrap()),
            End::Failing(id) => {
                let failure = running.await.unwrap_err();
                assert_eq!(failure.stage().name, first, "item {id}: {failure}");
            }
            End::Drain(after) => {
                self.until_written(after).await;
                running.drain(Duration::from_secs(30)).await.unwrap();
            }
            End::Abort(after) => {
                self.until_written(after).await;
                drop(running.abort().await);
            }
            End::Drop(after) => {
                self.until_written(after).await;
                drop(running);
            }
        }
        handle.report()
    }
}
