//! Sinks that decide about deliveries.

use std::time::Duration;

use super::Delivery;
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
pub struct Nacks(Duration);

/// An errors end that gives every failing delivery back, to be delivered again after `delay`. A failure of what comes from
/// no queue stops the pipeline; one [of a lossy side line](Failure::is_aside) is passed over.
#[must_use]
pub fn nacks(delay: Duration) -> Nacks {
    Nacks(delay)
}

impl<T: Send + 'static> Sink<Failure<T>> for Nacks {
    async fn write(&self, failures: Vec<Failure<T>>) -> Result<Written, SinkError<Failure<T>>> {
        for failure in failures.into_iter().filter(|failure| !failure.is_aside()) {
            if failure.0.ticket.ticket().messages().is_empty() {
                return Err(SinkError::closed(format!(
                    "there is no message to give back for the failure `{failure}`; `nacks` needs a queue as the input"
                )));
            }
            failure.nack(self.0);
        }
        Ok(Written::all())
    }

    fn name(&self) -> Name {
        "nacks".into()
    }
}
