//! Where messages go that a pipeline gives up on.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

#[cfg(feature = "journal")]
use crate::failure::BoxError;
use crate::failure::{Cause, Failure, StageInfo, write_failed, write_frames};
use crate::journal::Recorded;
use crate::name::Name;
use crate::place::place_error;
use crate::sink::{Sink, SinkError, Written};
use crate::ticket::{Attributes, Carry as _, Fate, Known, Now, Original, Record, TaskName};

/// What the number of a message begins with that is sent for a letter. How often that was follows.
pub(super) const REPLAY: &str = "replay ";

/// How often the message was replayed that has this number.
pub(super) fn replays(number: &str) -> u32 {
    let replay = number.strip_prefix(REPLAY);
    let count = replay.and_then(|rest| rest.split_once(" of "));
    count.and_then(|(count, _)| count.parse().ok()).unwrap_or(0)
}

/// A message that a pipeline has given up on, and all that is known of why. [`message`](DeadLetter::message) is the
/// message again.
///
/// Its `Display` is the stack of its task: `original → post → clean → FAILED at locate (timeout after 5s, attempt 3)`.
///
/// With serde, bytes that are text are a string, others a list of numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeadLetter {
    /// The message's id.
    pub id: String,
    /// What it carried, as [`Body::to_bytes`](super::Body::to_bytes) wrote it.
    #[serde(with = "super::text_or_bytes")]
    pub original: Vec<u8>,
    /// The [path](StageInfo::path) of the stage that failed; `queue` for a message that was delivered too often.
    pub stage: String,
    /// The stage's source text; empty for a message that was delivered too often.
    pub command: String,
    /// Why it failed.
    pub cause: String,
    /// How often the stage's function was called; 0 where no function was called.
    pub attempts: u32,
    /// How often the message had been delivered.
    pub receive_count: u32,
    /// The id under which what it passed is recorded: the message's own, unless `push_task` says otherwise.
    pub task: String,
    /// What keeps the task apart from those of other pipelines in the journal: [`TaskName::scope`].
    #[serde(default)]
    pub scope: String,
    /// The group that the message was sent in.
    #[serde(default)]
    pub group: Option<String>,
    /// How often it was given up on before, and replayed.
    #[serde(default)]
    pub replays: u32,
    /// The [priority](super::Outgoing::priority) of the message.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub priority: i16,
    /// What travelled with the message beside its body.
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub attributes: Attributes,
    /// What the task had passed, in order of writing.
    pub frames: Vec<DeadFrame>,
    /// When the message was sent, as far as the queue knows.
    pub first_seen: SystemTime,
    /// When it was given up on.
    pub failed_at: SystemTime,
}

impl fmt::Display for DeadLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_frames(f, self.frames.iter().map(|frame| &frame.key))?;
        write_failed(f, &self.stage, &self.cause, self.attempts)
    }
}

/// A key that the task's record had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadFrame {
    /// Its name.
    pub key: String,
    /// What is recorded of it: of a `once` stage. What the others made is made again when the letter is replayed.
    #[serde(with = "super::text_or_bytes::option")]
    pub value: Option<Vec<u8>>,
}

#[cfg(feature = "journal")]
impl DeadFrame {
    /// The value that is recorded of it, as the type that the stage made, or as one that can hold any: with
    /// `serde_json::Value` a person can be shown what it is. `None` if nothing is recorded.
    ///
    /// # Errors
    ///
    /// It is no such value.
    pub fn read<V: serde::de::DeserializeOwned>(&self) -> Result<Option<V>, BoxError> {
        self.value
            .as_deref()
            .map(crate::journal::decode)
            .transpose()
    }
}

/// Keeps dead letters.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not keep dead letters",
    note = "implement `DeadLetters`, or use one of the connectors' stores"
)]
pub trait DeadLetters: Send + Sync + 'static {
    /// The name in messages, as `sqlite:dead.db`.
    fn name(&self) -> Name;

    /// Stores the letters. When it returns without an error all of them are as durable as the store is, for their
    /// messages are acknowledged then. A letter whose id is there already replaces the older one, or is kept beside it
    /// and comes later, where nothing can be replaced; it is never the one that is dropped.
    ///
    /// # Errors
    ///
    /// A store that is away is asked again with the same letters; with any other error the pipeline stops.
    fn write(
        &self,
        letters: Vec<DeadLetter>,
    ) -> impl Future<Output = Result<(), DeadLettersError>> + Send;
}

place_error! {
    /// Letters could not be stored; none of their messages is acknowledged.
    DeadLettersError
}

impl<D: DeadLetters> DeadLetters for Arc<D> {
    fn name(&self) -> Name {
        D::name(self)
    }

    async fn write(&self, letters: Vec<DeadLetter>) -> Result<(), DeadLettersError> {
        D::write(self, letters).await
    }
}

/// The errors end that [`dead_letters`] makes.
#[derive(Debug, Clone)]
pub struct DeadLetterEnd<D>(D);

/// An errors end that writes each failure as a dead letter. The failing delivery is acknowledged when its letter is
/// written, and counted as dead. While the store is away the pipeline waits for it; if it refuses a letter, or is closed,
/// the pipeline stops, and the message is delivered again.
///
/// Of a failure that says nothing about the message no letter is written: where a place was
/// [away](crate::Cause::Away), or a loop was [full](crate::Cause::Full), the message is given back, to be delivered again
/// after a lease.
///
/// A failure of a whole batch is a letter for each of its messages. One [of a lossy side line](Failure::is_aside) is passed
/// over.
pub fn dead_letters<D: DeadLetters>(letters: D) -> DeadLetterEnd<D> {
    DeadLetterEnd(letters)
}

impl<T: Send + 'static, D: DeadLetters> Sink<Failure<T>> for DeadLetterEnd<D> {
    async fn write(&self, failures: Vec<Failure<T>>) -> Result<Written, SinkError<Failure<T>>> {
        let mut letters = Vec::new();
        let mut dead = Vec::with_capacity(failures.len());
        for failure in failures.into_iter().filter(|failure| !failure.is_aside()) {
            let messages = failure.0.ticket.ticket().messages();
            if messages.is_empty() {
                return Err(SinkError::closed(format!(
                    "there is no message to write a dead letter of for the failure `{failure}`; `dead_letters` needs a queue as the input"
                )));
            }
            // Its message is somebody else's, who decides about it.
            if failure.0.ticket.ticket().is_lost(&mut Now::default()) {
                failure.decide(Fate::Lost);
                continue;
            }
            // Nothing is wrong with the message: undecided, it comes again after a lease.
            let cause = failure.cause();
            if matches!(
                cause,
                Cause::Away(_) | Cause::Full { .. } | Cause::Stopped(_)
            ) {
                continue;
            }
            let of = |message| DeadLetter::of(&failure, message);
            letters.extend(messages.iter().map(of));
            dead.push(failure);
        }
        if letters.is_empty() {
            return Ok(Written::all());
        }
        if let Err(error) = self.0.write(letters).await {
            let why = format!("dead letters `{}`: {error}", self.0.name());
            return Err(SinkError::new(error.kind(), why).with_items(dead));
        }
        for failure in dead {
            failure.decide(Fate::Dead);
        }
        Ok(Written::all())
    }
}

impl DeadLetter {
    fn of<T>(failure: &Failure<T>, message: &Known<'_>) -> Self {
        let StageInfo { path, command, .. } = failure.stage();
        let keys = failure.frames().iter().map(|key| DeadFrame {
            key: (*key).to_owned(),
            value: None,
        });
        let mut frames: Vec<_> = keys.collect();
        let recorded = message.record.map_or_else(Vec::new, Record::frames);
        for Recorded { key, value } in recorded {
            let value = Some(value.to_vec());
            match frames.iter_mut().find(|frame| *frame.key == *key) {
                Some(frame) => frame.value = value,
                None => frames.push(DeadFrame {
                    key: key.as_ref().to_owned(),
                    value,
                }),
            }
        }
        let mut letter = Self::bare(message.original);
        if let Some(record) = message.record {
            let TaskName { scope, id } = record.task();
            (letter.scope, letter.task) = (scope.to_string(), id.to_string());
        }
        Self {
            stage: path.to_string(),
            command: (*command).to_owned(),
            cause: failure.cause().to_string(),
            attempts: failure.attempts(),
            frames,
            ..letter
        }
    }

    /// A letter of a message that no stage has seen.
    pub(super) fn poisoned(original: &dyn Original, limit: u32) -> Self {
        Self {
            stage: "queue".to_owned(),
            cause: too_often(original.receive_count(), original.begun(), limit),
            ..Self::bare(original)
        }
    }

    fn bare(original: &dyn Original) -> Self {
        Self {
            id: original.id().as_ref().to_owned(),
            original: original.bytes(),
            stage: String::new(),
            command: String::new(),
            cause: String::new(),
            attempts: 0,
            receive_count: original.receive_count(),
            task: original.id().as_ref().to_owned(),
            scope: original.queue().as_ref().to_owned(),
            group: original.group().map(|group| group.as_ref().to_owned()),
            replays: original.number().map_or(0, |number| replays(number)),
            priority: original.priority(),
            attributes: original.attributes().clone(),
            frames: Vec::new(),
            first_seen: original.first_seen(),
            failed_at: SystemTime::now(),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it")]
fn is_usual(priority: &i16) -> bool {
    *priority == 0
}

fn too_often(delivered: u32, begun: u32, limit: u32) -> String {
    if begun + 1 >= delivered {
        return format!("delivered {delivered} times; {limit} are allowed");
    }
    format!("begun {begun} times, of {delivered} deliveries; {limit} are allowed")
}
