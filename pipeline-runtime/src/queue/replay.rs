//! Dead letters on their way back.

use std::sync::Arc;
use std::time::SystemTime;

use super::dead_letters::REPLAY;
use super::{Attributes, Body, DeadFrame, DeadLetter, Outgoing};
use crate::failure::BoxError;
use crate::journal::{Begin, Forget, Recorded, Restore, TaskName};

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
            group: None,
            replays: 0,
            priority: 0,
            attributes: Attributes::new(),
            frames: Vec::new(),
            first_seen: now,
            failed_at: now,
        }
    }

    /// The message as it was, to be sent again under its id, in its group, with its priority and its attributes: a duplicate of what is sent for this very
    /// letter, and of nothing else.
    ///
    /// # Errors
    ///
    /// The original is no such body.
    pub fn message<B: Body>(&self) -> Result<Outgoing<B>, BoxError> {
        let body = B::from_bytes(self.original.clone())?;
        let mut message = Outgoing::new(body).id(&*self.id).dedup(self.dedup());
        message.attributes.clone_from(&self.attributes);
        message.priority = self.priority;
        Ok(match &self.group {
            Some(group) => message.group(&**group),
            None => message,
        })
    }

    /// What tells this letter from all others, also of the same message: its id, when it was given up on, and how often it
    /// was replayed. For [`Outgoing::dedup`].
    #[must_use]
    pub fn dedup(&self) -> String {
        let since = self.failed_at.duration_since(SystemTime::UNIX_EPOCH);
        let (again, id) = (self.replays.saturating_add(1), &self.id);
        let nanos = since.unwrap_or_default().as_nanos();
        format!("{REPLAY}{again} of {id} {nanos}")
    }

    /// The task as it is to be [restored](crate::journal::Journal::restore) before the [message](DeadLetter::message) is
    /// sent, so that stages whose values are recorded are not run again; but for those that are to be forgotten.
    #[must_use]
    pub fn restore(&self, forget: Forget) -> Restore {
        let is_kept = |frame: &&DeadFrame| !forget.forgets(&frame.key);
        let frames = self
            .frames
            .iter()
            .filter(is_kept)
            .filter_map(recorded)
            .collect();
        Restore {
            begin: Begin {
                task: TaskName::new(&*self.scope, &*self.task),
                message: Some(self.dedup().into()),
            },
            frames,
            forget,
        }
    }
}

fn recorded(frame: &DeadFrame) -> Option<Recorded> {
    Some(Recorded {
        key: Arc::from(&*frame.key),
        value: Arc::from(&**frame.value.as_ref()?),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::journal::{Begun, Finish, Frame, Journal, JournalError, Restored};

    /// A journal that has `a` of task `1`.
    #[derive(Default)]
    struct Known(Mutex<Vec<Frame>>);

    impl Journal for Known {
        fn name(&self) -> crate::name::Name {
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
        let tasks = letters
            .iter()
            .map(|letter| letter.restore(Forget::nothing()))
            .collect();
        let restored = journal.restore(tasks).await.unwrap();
        assert_eq!(restored, [Restored::Open; 2]);
        let restored = journal.0.into_inner().unwrap();
        let restored: Vec<_> = restored
            .iter()
            .map(|frame| (&*frame.task.id, &*frame.key, &*frame.value))
            .collect();
        assert_eq!(restored, [("1", "b", &b"1b"[..]), ("2", "a", b"2a")]);
    }

    #[test]
    fn a_letter_forgets_what_it_is_told_to() {
        let of = letter("1", b"x", &[("a", Some("1")), ("b", Some("2"))]);
        let keys = |key: &str| vec![Arc::from(key)];
        for (forget, left) in [
            (Forget::Keys(keys("a")), "b"),
            (Forget::AllBut(keys("a")), "a"),
        ] {
            let frames = of.restore(forget).frames;
            assert_eq!((frames.len(), &*frames[0].key), (1, left));
        }
    }

    #[test]
    fn the_message_of_a_letter_has_its_group_and_tells_how_often_it_was_replayed() {
        let mut letter = letter("of 1", b"x", &[]);
        letter.group = Some("plums".to_owned());
        (letter.replays, letter.priority) = (2, -3);
        let message: Outgoing<String> = letter.message().unwrap();
        assert_eq!(message.group.as_deref(), Some("plums"));
        assert_eq!(message.priority, -3);
        assert_eq!(message.id.as_deref(), Some("of 1"));
        assert_eq!(
            super::super::dead_letters::replays(&message.dedup.unwrap()),
            3
        );
        assert_eq!(super::super::dead_letters::replays("1234"), 0);
        letter.original = vec![0xff];
        assert!(letter.message::<String>().is_err(), "it is no text");
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
