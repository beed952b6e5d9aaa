//! What has failed lately, for who looks on.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Instant, SystemTime};

use crate::name::Name;

/// So many are kept, and so many are noted in a second.
const MOST: usize = 100;

/// What has failed lately in one run, from when it was asked for: [`Handle::failures`](crate::Handle::failures). Clones show
/// the same; when the last of them is dropped, nothing is noted any more.
#[derive(Clone)]
pub struct LatestFailures(Arc<Ring>);

/// The last of what has failed, read at one instant.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct FailuresSnapshot {
    /// How many have failed since it was asked for.
    pub seen: u64,
    /// Of them the last 100 that were noted, the newest last. In a second no more than 100 are noted.
    pub latest: Vec<Arc<FailureNote>>,
}

/// What one failure says.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct FailureNote {
    /// Which one of those that have failed since it was asked for, from 1.
    pub number: u64,
    /// When it came to the errors end.
    pub at: SystemTime,
    /// The path of the stage.
    pub stage: Name,
    /// The stage's source text; empty for what is no stage.
    pub command: &'static str,
    /// The source file and the line in it; empty for what is no stage.
    pub place: String,
    /// The cause, as it says itself: at most 1 KiB.
    pub cause: Arc<str>,
    /// The frames that its task had passed, and where it failed: at most 1 KiB.
    pub stack: Arc<str>,
    /// How often the stage's function was called; 0 where no function was called.
    pub attempts: u32,
    /// The keys that the item's record had.
    pub frames: &'static [&'static str],
    /// Where the item comes from, if that is known.
    pub origin: Option<String>,
    /// Whether it happened in a side line with `lossy`.
    pub is_aside: bool,
}

#[derive(Default)]
struct Ring(Mutex<Noted>);

#[derive(Default)]
struct Noted {
    seen: u64,
    latest: VecDeque<Arc<FailureNote>>,
    /// The second that runs, and how many were noted in it.
    second: Option<(Instant, usize)>,
}

impl Ring {
    fn lock(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Noted {
    /// Whether one more may be noted.
    fn may_note(&mut self) -> bool {
        let now = Instant::now();
        let (begun, noted) = self.second.get_or_insert((now, 0));
        if now.duration_since(*begun).as_secs() > 0 {
            (*begun, *noted) = (now, 0);
        }
        *noted += 1;
        *noted <= MOST
    }
}

impl LatestFailures {
    /// The last of what has failed.
    #[must_use]
    pub fn snapshot(&self) -> FailuresSnapshot {
        let noted = self.0.lock();
        FailuresSnapshot {
            seen: noted.seen,
            latest: noted.latest.iter().map(Arc::clone).collect(),
        }
    }

    /// One more has failed. What it says is asked for outside of the lock: the words are those of the program.
    pub(crate) fn note(&self, say: impl FnOnce(u64) -> FailureNote) {
        let mut noted = self.0.lock();
        noted.seen += 1;
        let number = noted.seen;
        if !noted.may_note() {
            return;
        }
        drop(noted);
        let note = Arc::new(say(number));
        let mut noted = self.0.lock();
        if noted.latest.len() == MOST {
            noted.latest.pop_front();
        }
        noted.latest.push_back(note);
    }
}

impl fmt::Debug for LatestFailures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LatestFailures")
            .field(&self.0.lock().seen)
            .finish()
    }
}

/// Where those who look on are found. Nothing is kept where there is none.
#[derive(Default)]
pub(crate) struct Onlooker(Mutex<Weak<Ring>>);

impl Onlooker {
    fn lock(&self) -> MutexGuard<'_, Weak<Ring>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whoever looks on already, or who does from now on.
    pub(crate) fn begin(&self) -> LatestFailures {
        let mut here = self.lock();
        let ring = here.upgrade().unwrap_or_default();
        *here = Arc::downgrade(&ring);
        LatestFailures(ring)
    }

    /// Who looks on here does so there, too.
    pub(crate) fn share(&self, other: &Self) {
        let ring = Weak::clone(&*self.lock());
        *other.lock() = ring;
    }

    /// Who looks on, if anybody does.
    pub(crate) fn look(&self) -> Option<LatestFailures> {
        self.lock().upgrade().map(LatestFailures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(number: u64) -> FailureNote {
        FailureNote {
            number,
            at: SystemTime::now(),
            stage: "parse".into(),
            command: "",
            place: String::new(),
            cause: "no number".into(),
            stack: "".into(),
            attempts: 1,
            frames: &[],
            origin: None,
            is_aside: false,
        }
    }

    #[test]
    fn a_hundred_are_kept_and_all_are_counted() {
        let onlooker = Onlooker::default();
        assert!(onlooker.look().is_none());
        let latest = onlooker.begin();
        let mut said = 0;
        for _ in 0..1_000 {
            onlooker.look().unwrap().note(|number| {
                said += 1;
                note(number)
            });
        }
        let snapshot = latest.snapshot();
        assert_eq!(snapshot.seen, 1_000);
        assert_eq!(snapshot.latest.len(), MOST);
        // What there is no room for is not put into words.
        assert!(said < 1_000, "{said}");
    }

    #[test]
    fn nothing_is_noted_when_the_last_has_gone() {
        let (onlooker, inner) = (Onlooker::default(), Onlooker::default());
        let latest = onlooker.begin();
        let again = onlooker.begin();
        onlooker.share(&inner);
        inner.look().unwrap().note(note);
        assert_eq!(again.snapshot().seen, 1);
        drop((latest, again));
        assert!(onlooker.look().is_none() && inner.look().is_none());
    }
}
