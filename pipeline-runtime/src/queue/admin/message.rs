//! A message as an operator sees it.

use std::time::SystemTime;

use crate::ticket::Attributes;

/// A message in a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MessageInfo {
    /// Where it stands: what was sent later has a greater one. For [`Filter::after`].
    pub seq: u64,
    /// Its name: as the sender gave it, else as deliveries have it.
    pub id: String,
    /// What it is a duplicate by in place of its name.
    pub dedup: Option<String>,
    /// The group that it was sent in.
    pub group: Option<String>,
    /// What it waits for.
    pub state: MessageState,
    /// When its delay or its lease ends.
    pub due: Option<SystemTime>,
    /// When it was sent.
    pub sent: SystemTime,
    /// Those of higher ones come first.
    pub priority: i16,
    /// From when on it is not delivered any more.
    pub expires: Option<SystemTime>,
    /// How often it was delivered.
    pub receives: u32,
    /// How many of the deliveries were worked on.
    pub begun: u32,
    /// Why it failed last, where work on it has and it was given back. Of a delivery of several parts it is the first that
    /// failed, also where that one was decided as done and another is why it comes again.
    pub last_error: Option<String>,
    /// What travels with it beside the body.
    pub attributes: Attributes,
    /// How many bytes its body has.
    pub size: u64,
    /// Its body as bytes; in a list only the beginning.
    pub body: Vec<u8>,
}

impl MessageInfo {
    /// So much of a body is listed: characters of one that is text, bytes of another.
    pub const PREVIEW: usize = 200;

    /// A message that is ready, of which nothing else is known; for queues of your own.
    #[must_use]
    pub fn new(seq: u64, id: impl Into<String>, body: Vec<u8>) -> Self {
        Self {
            seq,
            id: id.into(),
            dedup: None,
            group: None,
            state: MessageState::Ready,
            due: None,
            sent: SystemTime::now(),
            priority: 0,
            expires: None,
            receives: 0,
            begun: 0,
            last_error: None,
            attributes: Attributes::new(),
            size: body.len() as u64,
            body,
        }
    }

    /// The same with no more of the body than is listed.
    #[must_use]
    pub fn preview(mut self) -> Self {
        let end = match std::str::from_utf8(&self.body) {
            Ok(text) => text.char_indices().nth(Self::PREVIEW).map(|(at, _)| at),
            Err(_) => Some(Self::PREVIEW),
        };
        self.body.truncate(end.unwrap_or(usize::MAX));
        self
    }
}

/// What a message waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MessageState {
    /// To be received: it can be now, unless the queue is paused.
    Ready,
    /// For the end of a delay.
    Delayed,
    /// It is leased: somebody works on it, or has taken it to.
    Taken,
    /// For another of its group that is before it.
    Behind,
}

/// Which messages of a queue; by default all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct Filter {
    state: Option<MessageState>,
    group: Option<String>,
    after: Option<u64>,
}

impl Filter {
    /// Only those in this state.
    pub fn state(mut self, state: MessageState) -> Self {
        self.state = Some(state);
        self
    }

    /// Only those of this group.
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// Only those behind the one of this [`MessageInfo::seq`].
    pub fn after(mut self, seq: u64) -> Self {
        self.after = Some(seq);
        self
    }

    /// The state, for queues of your own.
    #[must_use]
    pub fn of_state(&self) -> Option<MessageState> {
        self.state
    }

    /// The group, for queues of your own.
    #[must_use]
    pub fn of_group(&self) -> Option<&str> {
        self.group.as_deref()
    }

    /// Behind which they are, for queues of your own.
    #[must_use]
    pub fn behind(&self) -> Option<u64> {
        self.after
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_text_whole_characters_are_listed_and_of_bytes_as_many_bytes() {
        let preview = |body: Vec<u8>| MessageInfo::new(1, "a", body).preview();
        let long = preview("ü".repeat(300).into_bytes());
        assert_eq!((long.body, long.size), ("ü".repeat(200).into_bytes(), 600));
        assert_eq!(preview(vec![0xff; 300]).body, vec![0xff; 200]);
        assert_eq!(preview(b"short".to_vec()).body, b"short");
    }
}
