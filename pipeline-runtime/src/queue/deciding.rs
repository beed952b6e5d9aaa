//! Sinks that decide about deliveries.

use super::{Backoff, Delivery};
use crate::failure::Failure;
use crate::name::Name;
use crate::sink::{Sink, SinkError, Written};

/// The sink that [`acks`] makes.
#[derive(Debug, Clone, Copy)]
pub struct Acks(());

/// A sink that takes deliveries and does nothing: what reaches it is done, and so is acknowledged. It stands at the
/// end of a pipeline that has put its results elsewhere: `pop_task(original), :drive queue::acks()`.
#[must_use]
pub fn acks() -> Acks {
    Acks(())
}

impl<B: Send + Sync + 'static> Sink<Delivery<B>> for Acks {
    async fn write(&self, _items: Vec<Delivery<B>>) -> Result<Written, SinkError<Delivery<B>>> {
        Ok(Written::all())
    }

    fn name(&self) -> Name {
        "acks".into()
    }
}

/// The errors end that [`nacks`] makes.
#[derive(Debug, Clone, Copy)]
pub struct Nacks(Backoff);

/// An errors end that gives every failing delivery back, to be delivered again after `delay`: always the same
/// [`Duration`](std::time::Duration), or a [`Backoff`] that grows with the deliveries which were worked on; of several
/// messages that fail together, with those of the one that had most. A failure of what comes from no queue stops the
/// pipeline; one [of a lossy side line](Failure::is_aside) is passed over.
///
/// However often a message has failed, it comes again, unless [`Deliveries::poison`](super::Deliveries::poison) sets a
/// limit.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use pipeline_runtime::queue::{self, Backoff};
///
/// let soon = queue::nacks(Duration::from_secs(5));
/// let ever_later = queue::nacks(Backoff::exponential().max_delay(Duration::from_secs(3600)));
/// # let _ = (soon, ever_later);
/// ```
#[must_use]
pub fn nacks(delay: impl Into<Backoff>) -> Nacks {
    Nacks(delay.into())
}

impl<T: Send + 'static> Sink<Failure<T>> for Nacks {
    async fn write(&self, failures: Vec<Failure<T>>) -> Result<Written, SinkError<Failure<T>>> {
        for failure in failures.into_iter().filter(|failure| !failure.is_aside()) {
            let messages = failure.0.ticket.ticket().messages();
            let begun = messages
                .iter()
                .map(|message| message.original.begun())
                .max();
            let Some(begun) = begun else {
                return Err(SinkError::closed(format!(
                    "there is no message to give back for the failure `{failure}`; `nacks` needs a queue as the input"
                )));
            };
            failure.nack(self.0.delay(begun.saturating_add(1)));
        }
        Ok(Written::all())
    }

    fn name(&self) -> Name {
        "nacks".into()
    }
}
