//! What becomes of a message whose report fails.

use std::time::Duration;

use brigade::Name;
use brigade::prelude::*;
use brigade::queue::{DeadLetterEnd, DeadLetters};
use brigade::sink::{Sink, SinkError, Written};

use crate::say::say;

/// What else fails may pass: so long until it is tried again.
const DELAY: Duration = Duration::from_millis(500);

/// What nobody here knows comes again so much later: a worker that is newer may know it. After [`DELIVERIES`] it is a letter.
const LATER: Duration = Duration::from_secs(60);

/// How often a message is delivered before it is given up on, whatever is wrong.
pub const DELIVERIES: u32 = 20;

/// It is the report's own fault, and will be so the next time.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Rejected(pub String);

/// It is of a kind that this worker does not know.
#[derive(Debug, thiserror::Error)]
#[error("nobody here knows its kind")]
pub struct Unknown;

/// The errors end. A report that is rejected, or that makes a stage panic, becomes a dead letter at once. All else (the
/// archive is away, the disk is full, the journal is locked) says nothing about the report: its message comes again.
#[derive(Debug, Clone)]
pub struct Errors<L>(DeadLetterEnd<L>);

impl<L: DeadLetters> Errors<L> {
    pub fn new(letters: L) -> Self {
        Self(queue::dead_letters(letters))
    }
}

impl<T: Send + 'static, L: DeadLetters> Sink<Failure<T>> for Errors<L> {
    async fn write(&self, failures: Vec<Failure<T>>) -> Result<Written, SinkError<Failure<T>>> {
        let (dead, passing): (Vec<_>, Vec<_>) = failures.into_iter().partition(is_final);
        for failure in passing {
            say(format!("a worker: {failure}; it is tried again"));
            // Who may know it starts later.
            let is_unknown =
                matches!(failure.cause(), Cause::Error(error) if error.is::<Unknown>());
            failure.nack(if is_unknown { LATER } else { DELAY });
        }
        self.0.write(dead).await
    }

    fn name(&self) -> Name {
        "errors".into()
    }
}

fn is_final<T>(failure: &Failure<T>) -> bool {
    match failure.cause() {
        Cause::Error(error) => error.is::<Rejected>(),
        Cause::Panic(_) => true,
        _ => false,
    }
}
