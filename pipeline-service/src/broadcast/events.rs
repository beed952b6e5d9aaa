//! What is heard of a broadcast as the input of a pipeline.

use std::fmt;

use futures::FutureExt as _;
use pipeline_runtime::Name;
use pipeline_runtime::source::{Flow, Pulled, Source, SourceError};

use super::subscription::{Gap, Subscription};

/// The events of a broadcast as an input of a pipeline; [`Broadcast::input`](super::Broadcast::input) makes it.
#[must_use = "it is the input of a pipeline"]
pub struct Events<E>(Subscription<E>);

impl<E> fmt::Debug for Events<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Events").finish()
    }
}

impl<E> Events<E> {
    pub(super) fn new(events: Subscription<E>) -> Self {
        Self(events)
    }
}

impl<E: Send + 'static> Source for Events<E> {
    type Item = E;

    async fn pull(&mut self, max: usize, out: &mut Pulled<E>) -> Result<Flow, SourceError> {
        let Some(first) = self.0.next().await else {
            return Ok(Flow::End);
        };
        add(first, out);
        while out.len() < max
            && let Some(next) = self.0.next().now_or_never()
        {
            match next {
                Some(next) => add(next, out),
                None => return Ok(Flow::End),
            }
        }
        Ok(Flow::More)
    }

    fn name(&self) -> Name {
        "broadcast".into()
    }
}

fn add<E>(heard: Result<E, Gap>, out: &mut Pulled<E>) {
    match heard {
        Ok(event) => out.push(event),
        Err(gap) => out.fail(SourceError::new(gap)),
    }
}
