//! Items that are shown while somebody looks.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// So many are shown in a second.
const PER_SECOND: u32 = 10;
/// So many are kept.
const KEPT: usize = 20;
/// The most bytes of a text.
const TEXT: usize = 2_000;

/// Counts and flags that nothing else is read by: a moment late is as good.
const RELAXED: Ordering = Ordering::Relaxed;

/// A place in a pipeline whose items are shown on a [`Page`](crate::Page) while somebody looks: ten a second, the last twenty
/// of them, as text of at most 2,000 bytes. How many went by is counted.
///
/// It takes nothing, and changes nothing: items pass as if it were not there. While nobody looks it reads one number for each, and
/// no text is made; while somebody does, it counts, and makes ten texts a second, in the stage that calls it. What a text has in it is
/// seen by all who have the page's token: leave out what they must not read. A panic of what makes the text is shown in its place, and
/// is none of the item's.
///
/// Clones are the same place.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use brigade::prelude::*;
/// use brigade::watch::{Page, Tap};
///
/// let posts = Tap::new("posts");
/// let served = Page::new().tap(&posts).serve("127.0.0.1:0").await?;
/// pipeline! {
///     [0..1_000u64]
///     use posts;
///     tap(|post| posts.see(|| format!("{post:?}"))),
///     :drive sink::discard(),
/// }
/// .run()
/// .await?;
/// # served.stop().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "nothing is shown before a stage calls `see`"]
pub struct Tap(Arc<Inner>);

struct Inner {
    name: String,
    /// How many pages are looked at.
    looked: AtomicUsize,
    /// How many more may be shown in this second.
    left: AtomicU32,
    seen: AtomicU64,
    last: Mutex<VecDeque<Shown>>,
}

/// An item that was shown.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    pub(crate) at: SystemTime,
    pub(crate) text: String,
}

impl Tap {
    /// A place of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            name: name.into(),
            looked: AtomicUsize::new(0),
            left: AtomicU32::new(0),
            seen: AtomicU64::new(0),
            last: Mutex::default(),
        }))
    }

    /// An item goes by, which has this text.
    #[inline]
    pub fn see(&self, text: impl FnOnce() -> String) {
        if self.0.looked.load(RELAXED) > 0 {
            self.counts(text);
        }
    }

    #[cold]
    fn counts(&self, text: impl FnOnce() -> String) {
        self.0.seen.fetch_add(1, RELAXED);
        let one_less = |left: u32| left.checked_sub(1);
        if self
            .0
            .left
            .fetch_update(RELAXED, RELAXED, one_less)
            .is_err()
        {
            return;
        }
        let made = catch_unwind(AssertUnwindSafe(text));
        let mut text = made.unwrap_or_else(|_| "what makes its text has panicked".to_owned());
        if text.len() > TEXT {
            text.truncate(text.floor_char_boundary(TEXT));
            text.push('…');
        }
        let at = SystemTime::now();
        let mut last = self.last();
        if last.len() == KEPT {
            last.pop_front();
        }
        last.push_back(Shown { at, text });
    }

    fn last(&self) -> MutexGuard<'_, VecDeque<Shown>> {
        self.0.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn name(&self) -> &str {
        &self.0.name
    }

    /// A second has passed.
    pub(crate) fn refill(&self) {
        self.0.left.store(PER_SECOND, RELAXED);
    }

    /// How many went by since somebody looks, and the last that were shown, the oldest first.
    pub(crate) fn shown(&self) -> (u64, Vec<Shown>) {
        let seen = self.0.seen.load(RELAXED);
        (seen, self.last().iter().cloned().collect())
    }
}

/// Somebody looks at these, until this is dropped.
pub(crate) struct Looking(Vec<Tap>);

impl Looking {
    pub(crate) fn at(taps: &[Tap]) -> Self {
        for tap in taps {
            tap.0.looked.fetch_add(1, RELAXED);
        }
        Self(taps.to_vec())
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        for tap in &self.0 {
            if tap.0.looked.fetch_sub(1, RELAXED) == 1 {
                tap.0.seen.store(0, RELAXED);
                tap.last().clear();
            }
        }
    }
}

impl std::fmt::Debug for Tap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Tap").field(&self.name()).finish()
    }
}
