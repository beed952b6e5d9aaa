//! Another queue as the place for dead letters.

use std::sync::Arc;

use pipeline_runtime::BoxError;
use pipeline_runtime::queue::{DeadLetter, DeadLetters, Outgoing, Queue};

/// What [`dead_letter_queue`] makes.
#[derive(Debug, Clone)]
pub struct DeadLetterQueue<Q>(Q);

/// Keeps dead letters as messages of another queue, each a [`DeadLetter`] in JSON under the id of the message that it is
/// about. SQS, say, where alarms and people look for them.
///
/// A letter is larger than its message, by what is recorded of its task. One that the queue refuses, for its size say, is
/// an error: the pipeline then stops, and the message is delivered again.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), pipeline_runtime::BoxError> {
/// # use std::time::Duration;
/// use pipeline_connectors::queue;
/// use pipeline_runtime::queue::{DeadLetter, DeadLetters, Queue, memory};
///
/// let dead = memory::<String>();
/// let letters = queue::dead_letter_queue(dead.clone());
/// letters.write(vec![DeadLetter::new("order 1", b"12 plums".to_vec())]).await?;
///
/// let message = dead.receive(1, Duration::ZERO).await?.remove(0);
/// let letter: DeadLetter = serde_json::from_str(&message.body)?;
/// assert_eq!((letter.id.as_str(), letter.original.as_slice()), ("order 1", &b"12 plums"[..]));
/// # Ok(())
/// # }
/// ```
pub fn dead_letter_queue<Q: Queue<Body = String>>(queue: Q) -> DeadLetterQueue<Q> {
    DeadLetterQueue(queue)
}

impl<Q: Queue<Body = String>> DeadLetters for DeadLetterQueue<Q> {
    fn name(&self) -> Arc<str> {
        self.0.name()
    }

    async fn write(&self, letters: Vec<DeadLetter>) -> Result<(), BoxError> {
        let message = |letter: DeadLetter| {
            let json = serde_json::to_string(&letter)?;
            Ok(Outgoing::new(json).id(letter.id))
        };
        let messages = letters.into_iter().map(message);
        let messages = messages.collect::<Result<_, serde_json::Error>>()?;
        match self.0.send(messages).await?.into_iter().next() {
            None => Ok(()),
            Some(refused) => Err(refused.error),
        }
    }
}
