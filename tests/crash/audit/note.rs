//! A line of the notes.

/// What a worker has noted.
pub(super) struct Note<'a> {
    pub(super) delivery: &'a str,
    pub(super) process: &'a str,
    /// Which delivery of the message it is.
    pub(super) count: u32,
    pub(super) message: &'a str,
    /// The stage that is called; where there is none, the delivery begins.
    pub(super) call: Option<&'a str>,
    pub(super) thread: &'a str,
}

impl<'a> Note<'a> {
    pub(super) fn of(line: &'a str) -> Self {
        let words: Vec<_> = line.split(' ').collect();
        let (delivery, what, thread, begins) = match words[..] {
            [delivery, "begins", message, thread] => (delivery, message, thread, true),
            [delivery, call, thread] => (delivery, call, thread, false),
            _ => panic!("no note: {line}"),
        };
        let (process, place) = delivery.split_once(':').unwrap();
        let (_, count) = place.split_once('.').unwrap();
        let call = what.split_once('/');
        assert_eq!(call.is_none(), begins, "no note: {line}");
        Self {
            delivery,
            process,
            count: count.parse().unwrap(),
            message: call.map_or(what, |(message, _)| message),
            call: call.map(|(_, stage)| stage),
            thread,
        }
    }

    pub(super) fn frame(&self) -> String {
        format!("{}/{}", self.message, self.call.unwrap_or_default())
    }
}
