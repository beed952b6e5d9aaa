//! What becomes of a message whose report fails.

use std::time::Duration;

use brigade::Name;
use brigade::prelude::*;
use brigade::queue::{DeadLetterEnd, DeadLetters, Delivery};
use brigade::sink::{Sink, SinkError, Written};

use crate::say::say;

/// What else fails may pass: so long until it is tried again.
const DELAY: Duration = Duration::from_millis(500);

/// How often a message is delivered before it is given up on, whatever is wrong.
pub const DELIVERIES: u32 = 20;

/// It is the report's own fault, and will be so the next time.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Rejected(pub String);

/// The errors end. A report that is rejected, or that makes a stage panic, becomes a dead letter at once. All else (the
/// archive is away, the disk is full, the journal is locked) says nothing about the report: its message comes again.
#[derive(Debug, Clone)]
pub struct Errors<L>(DeadLetterEnd<L>);

impl<L: DeadLetters> Errors<L> {
    pub fn new(letters: L) -> Self {
        Self(queue::dead_letters(letters))
    }
}

impl<L: DeadLetters> Sink<Failure<Delivery<String>>> for Errors<L> {
    async fn write(
        &self,
        failures: Vec<Failure<Delivery<String>>>,
    ) -> Result<Written, SinkError<Failure<Delivery<String>>>> {
        let (dead, passing): (Vec<_>, Vec<_>) = failures.into_iter().partition(is_final);
        for failure in passing {
            say(format!("a worker: {failure}; it is tried again"));
            failure.nack(DELAY);
        }
        self.0.write(dead).await
    }

    fn name(&self) -> Name {
        "errors".into()
    }
}

fn is_final(failure: &Failure<Delivery<String>>) -> bool {
    match failure.cause() {
        Cause::Error(error) => error.is::<Rejected>(),
        Cause::Panic(_) => true,
        _ => false,
    }
}
