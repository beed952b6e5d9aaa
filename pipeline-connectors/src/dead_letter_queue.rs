//! Another queue as the place for dead letters.

use pipeline_runtime::Name;

use pipeline_runtime::queue::{
    DeadLetter, DeadLetters, DeadLettersError, Outgoing, Queue, Unsettled,
};

/// What [`dead_letter_queue`] makes.
#[derive(Debug, Clone)]
pub struct DeadLetterQueue<Q>(Q);

/// Keeps dead letters as messages of another queue, each a [`DeadLetter`] in JSON under the id of the message that it is
/// about. SQS, say, where alarms and people look for them.
///
/// Every letter is a message of its own, also where the queue tells duplicates: a message that fails again has several,
/// and the one that was given up on last is the one to replay.
///
/// A letter is larger than its message: by what is recorded of its task, by what is known of the failure, and by what
/// JSON makes of the bytes. SQS takes 1 MiB, so messages whose letters go there should be far smaller than that.
///
/// # Errors
///
/// A queue that is away is waited for. A letter that the queue does not take is an error that names its message, and
/// the pipeline stops; others that were written with it may be stored. The message is delivered again. If its letter is
/// refused for what it is, its size say, the pipeline stops at it each time: keep the letters in `SqliteLetters`
/// (feature `sqlite`), which takes up to a gigabyte, or take the message out of its queue.
///
/// # Cancel safety
///
/// A dropped write may have stored letters; they are then stored again with the next failure of their messages.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), pipeline_runtime::BoxError> {
/// # use std::time::Duration;
/// use pipeline_connectors::queue;
/// use pipeline_runtime::queue::{Ask, DeadLetter, DeadLetters, Queue, memory};
///
/// let dead = memory::<String>();
/// let letters = queue::dead_letter_queue(dead.clone());
/// letters.write(vec![DeadLetter::new("order 1", b"12 plums".to_vec())]).await?;
///
/// let message = dead.receive(Ask::new(1, Duration::ZERO)).await?.remove(0);
/// let letter: DeadLetter = serde_json::from_str(&message.body)?;
/// assert_eq!((letter.id.as_str(), letter.original.as_slice()), ("order 1", &b"12 plums"[..]));
/// # Ok(())
/// # }
/// ```
pub fn dead_letter_queue<Q: Queue<Body = String>>(queue: Q) -> DeadLetterQueue<Q> {
    DeadLetterQueue(queue)
}

impl<Q: Queue<Body = String>> DeadLetters for DeadLetterQueue<Q> {
    fn name(&self) -> Name {
        self.0.name()
    }

    async fn write(&self, letters: Vec<DeadLetter>) -> Result<(), DeadLettersError> {
        let messages = letters.iter().map(message);
        let messages = messages.collect::<Result<_, serde_json::Error>>();
        let messages = messages.map_err(DeadLettersError::refused)?;
        let sent = self.0.send(messages).await;
        let refused = sent.map_err(|error| DeadLettersError::new(error.kind(), error))?;
        // First what will not pass by itself: somebody has to do something about it.
        match refused.into_iter().min_by_key(Unsettled::is_away) {
            None => Ok(()),
            Some(entry) => {
                let problem = problem(&letters[entry.index()].id, &entry);
                Err(DeadLettersError::new(entry.kind(), problem))
            }
        }
    }
}

fn message(letter: &DeadLetter) -> Result<Outgoing<String>, serde_json::Error> {
    let json = serde_json::to_string(letter)?;
    // SQS takes no such characters. JSON has them only in strings, where they can be written so.
    let json = json
        .replace('\u{fffe}', r"\ufffe")
        .replace('\u{ffff}', r"\uffff");
    Ok(Outgoing::new(json).id(&*letter.id).dedup(letter.dedup()))
}

fn problem(id: &str, entry: &Unsettled) -> String {
    if entry.is_away() {
        return format!("the letter of message `{id}` is not stored: {entry}");
    }
    format!(
        "the letter of message `{id}` is refused: {entry}; keep dead letters in a store that takes it, or take the message out of its queue"
    )
}
