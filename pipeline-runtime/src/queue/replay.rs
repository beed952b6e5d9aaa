//! Dead letters on their way back.

use std::sync::Arc;
use std::time::SystemTime;

use super::{Body, DeadLetter, Outgoing, Queue, QueueError, Unsettled};
use crate::failure::BoxError;
use crate::journal::{Begin, Begun, Frame, Journal, JournalError, TaskName};

/// Gives the journal back what the letters know of their tasks, so that stages which were recorded are not run again
/// when the messages come again. What the journal still has of a task stays as it is.
///
/// To replay letters, call this, then [`replay`], then remove the letters from where they are kept. If the program ends
/// in the midst of it, do it again: the messages have the ids that they had, and what is recorded is not run twice.
///
/// Do so when the messages have left their queue. A letter is written before its message is acknowledged, and with the
/// acknowledgement the journal forgets the task, also what was restored by then: stages that were recorded run again.
/// That is a moment as long as the pipeline that wrote the letter runs, and over when it has ended. If its process was
/// killed in between, the message comes again by itself when its lease ends; with the replayed one it is worked on
/// twice. Nothing is lost in either case.
///
/// # Errors
///
/// If the journal cannot be read or written; then nothing is restored.
///
/// # Cancel safety
///
/// Do it again: a part may be restored.
pub async fn restore<J: Journal>(letters: &[DeadLetter], journal: &J) -> Result<(), JournalError> {
    let letters: Vec<_> = letters
        .iter()
        .filter(|letter| letter.has_values())
        .collect();
    if letters.is_empty() {
        return Ok(());
    }
    let begins = letters.iter().map(|letter| letter.begin()).collect();
    let begun = journal.begin(begins).await?;
    let mut missing = Vec::new();
    for (letter, begun) in letters.iter().zip(begun) {
        // A task that is done has nothing to be restored for.
        if let Begun::Open { epoch, frames } = begun {
            let known = |frame: &Frame| frames.iter().any(|known| known.key == frame.key);
            missing.extend(letter.recorded(epoch).filter(|frame| !known(frame)));
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    // One that is fenced has begun again, and knows what there was.
    journal.record(missing).await.map(drop)
}

/// Sends the originals of the letters to a queue, under the ids that they had. Returns those that were not sent, by
/// their index: also letters whose original is no body of this queue.
///
/// Call [`restore`] before, if the pipeline has a journal; it says when.
///
/// The others are stored, though a message of that id was sent a moment ago, or is still there since its acknowledgement
/// is under way: what tells duplicates is the [letter](DeadLetter::dedup), not the id. A letter that is replayed twice
/// is stored once, as far as the queue can tell. The messages have no group and no delay.
///
/// # Errors
///
/// If none of them could be sent.
///
/// # Cancel safety
///
/// Do it again: a part may be sent.
pub async fn replay<Q: Queue>(
    letters: &[DeadLetter],
    queue: &Q,
) -> Result<Vec<Unsettled>, QueueError> {
    let (mut messages, mut indexes, mut unsent) = (Vec::new(), Vec::new(), Vec::new());
    for (index, letter) in letters.iter().enumerate() {
        match letter.message() {
            Ok(message) => {
                messages.push(message);
                indexes.push(index);
            }
            Err(error) => unsent.push(Unsettled::refused(index, error)),
        }
    }
    let refused = queue.send(messages).await?;
    unsent.extend(refused.into_iter().map(|entry| {
        let index = indexes[entry.index()];
        entry.at(index)
    }));
    unsent.sort_by_key(Unsettled::index);
    Ok(unsent)
}

impl DeadLetter {
    /// A letter of the message with this id, of which nothing else is known; for stores that read letters back.
    #[must_use]
    pub fn new(id: impl Into<String>, original: Vec<u8>) -> Self {
        let now = SystemTime::now();
        let id = id.into();
        Self {
            task: id.clone(),
            scope: String::new(),
            id,
            original,
            stage: String::new(),
            command: String::new(),
            cause: String::new(),
            attempts: 0,
            receive_count: 0,
            frames: Vec::new(),
            first_seen: now,
            failed_at: now,
        }
    }

    /// The message as it was, to be sent again under its id: a duplicate of what is sent for this very letter, and of
    /// nothing else.
    ///
    /// # Errors
    ///
    /// The original is no such body.
    pub fn message<B: Body>(&self) -> Result<Outgoing<B>, BoxError> {
        let body = B::from_bytes(self.original.clone())?;
        Ok(Outgoing::new(body).id(&*self.id).dedup(self.dedup()))
    }

    /// What tells this letter from all others, also of the same message: its id and when it was given up on. For
    /// [`Outgoing::dedup`].
    #[must_use]
    pub fn dedup(&self) -> String {
        let since = self.failed_at.duration_since(SystemTime::UNIX_EPOCH);
        format!("{}/{}", self.id, since.unwrap_or_default().as_nanos())
    }

    /// The task, as one that begins for the message which is sent for this letter.
    #[must_use]
    pub fn begin(&self) -> Begin {
        Begin {
            task: self.task_name(),
            message: Some(self.dedup().into()),
        }
    }

    fn task_name(&self) -> TaskName {
        TaskName {
            scope: Arc::from(&*self.scope),
            id: Arc::from(&*self.task),
        }
    }

    fn has_values(&self) -> bool {
        self.frames.iter().any(|frame| frame.value.is_some())
    }

    /// What is recorded of its task, for a journal that gave it this epoch.
    pub fn recorded(&self, epoch: u64) -> impl Iterator<Item = Frame> {
        let task = self.task_name();
        self.frames.iter().filter_map(move |frame| {
            Some(Frame {
                task: task.clone(),
                epoch,
                key: Arc::from(&*frame.key),
                value: Arc::from(&**frame.value.as_ref()?),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use super::*;
    use crate::journal::{Finish, Recorded};
    use crate::queue::{DeadFrame, memory};

    /// A journal that has `a` of task `1`.
    #[derive(Default)]
    struct Known(Mutex<Vec<Frame>>);

    impl Journal for Known {
        fn name(&self) -> Arc<str> {
            "known".into()
        }
        async fn begin(&self, tasks: Vec<Begin>) -> Result<Vec<Begun>, JournalError> {
            let of = |begin: Begin| match &*begin.task.id {
                "1" => vec![Recorded {
                    key: "a".into(),
                    value: b"old"[..].into(),
                }],
                _ => Vec::new(),
            };
            let open = |frames| Begun::Open { epoch: 1, frames };
            Ok(tasks.into_iter().map(of).map(open).collect())
        }
        async fn record(&self, frames: Vec<Frame>) -> Result<Vec<usize>, JournalError> {
            self.0.lock().unwrap().extend(frames);
            Ok(Vec::new())
        }
        async fn finish(&self, _: Vec<Finish>) -> Result<(), JournalError> {
            Ok(())
        }
    }

    fn letter(id: &str, original: &[u8], frames: &[(&str, Option<&str>)]) -> DeadLetter {
        let frames = frames.iter().map(|(key, value)| DeadFrame {
            key: (*key).to_owned(),
            value: value.map(|value| value.as_bytes().to_vec()),
        });
        DeadLetter {
            frames: frames.collect(),
            ..DeadLetter::new(id, original.to_vec())
        }
    }

    #[tokio::test]
    async fn only_what_a_journal_does_not_know_is_restored() {
        let journal = Known::default();
        let letters = [
            letter(
                "1",
                b"x",
                &[("a", Some("new")), ("b", Some("1b")), ("c", None)],
            ),
            letter("2", b"y", &[("a", Some("2a"))]),
        ];
        restore(&letters, &journal).await.unwrap();
        let restored = journal.0.into_inner().unwrap();
        let restored: Vec<_> = restored
            .iter()
            .map(|frame| (&*frame.task.id, &*frame.key, &*frame.value))
            .collect();
        assert_eq!(restored, [("1", "b", &b"1b"[..]), ("2", "a", b"2a")]);
    }

    #[tokio::test]
    async fn a_letter_is_replayed_under_its_id_and_one_that_is_no_body_is_told() {
        let queue = memory::<String>();
        let letters = [
            letter("1", b"x", &[]),
            letter("2", &[0xff], &[]),
            letter("3", b"z", &[]),
        ];
        let unsent = replay(&letters, &queue).await.unwrap();
        let indexes: Vec<_> = unsent
            .iter()
            .map(|entry| (entry.index(), entry.is_away()))
            .collect();
        assert_eq!(indexes, [(1, false)]);
        let received = queue.receive(10, Duration::ZERO).await.unwrap();
        let received: Vec<_> = received
            .iter()
            .map(|message| (&*message.id, &*message.body))
            .collect();
        assert_eq!(received, [("1", "x"), ("3", "z")]);
    }

    #[tokio::test]
    async fn a_letter_whose_message_is_still_leased_is_not_lost() {
        let queue = memory::<String>();
        let original = || Outgoing::new("x".to_owned()).id("1");
        queue.send(vec![original()]).await.unwrap();
        let first = queue.receive(10, Duration::ZERO).await.unwrap();
        let letters = [letter("1", b"x", &[])];
        for _ in 0..2 {
            assert!(replay(&letters, &queue).await.unwrap().is_empty());
        }
        let receipts = vec![first[0].receipt.clone()];
        assert!(queue.ack(receipts).await.unwrap().is_empty());
        // The name is still that of a message.
        queue.send(vec![original()]).await.unwrap();
        let again = queue.receive(10, Duration::ZERO).await.unwrap();
        let ids: Vec<_> = again.iter().map(|message| &*message.id).collect();
        assert_eq!(ids, ["1"], "it is stored once");
        queue.ack(vec![again[0].receipt.clone()]).await.unwrap();
        queue.send(vec![original()]).await.unwrap();
        assert!(replay(&letters, &queue).await.unwrap().is_empty());
        assert_eq!(queue.len(), 2, "both names are free");
    }

    #[test]
    fn a_letter_reads_well_as_json_and_is_read_back() {
        let letters = [
            letter("1", "zwölf".as_bytes(), &[("a", Some("12")), ("b", None)]),
            letter("2", &[0xff], &[]),
        ];
        let json = serde_json::to_value(&letters[0]).unwrap();
        assert_eq!(json["original"], "zwölf");
        assert_eq!(json["frames"][0]["value"], "12");
        for letter in letters {
            let json = serde_json::to_string(&letter).unwrap();
            assert_eq!(serde_json::from_str::<DeadLetter>(&json).unwrap(), letter);
        }
    }
}
