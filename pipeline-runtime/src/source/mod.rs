//! The input end of a pipeline.

mod add;
mod added;
mod again;
mod ended;
mod feed;
mod input;
mod iter;
mod join;
mod joined;
mod live;
mod merge;
mod open_ended;
mod opened;
mod opening;
mod pull;
mod receiver;
mod stream;
mod weighed;

use std::future::Future;

pub use crate::failure::SourceError;
use crate::flow::feed::Hold;
use crate::guard;
use crate::name::Name;
use crate::ticket::Carried;

pub use crate::line::Line;
pub(crate) use add::Alone;
pub use add::{AddError, AddErrorKind, Addable};
pub use again::{Again, Made, again};
pub(crate) use feed::SourceFeed;
pub(crate) use input::{CarriedOf, Fault, Puller, Relay};
pub use input::{Input, Named};
pub use iter::{Iter, iter};
pub(crate) use join::Turns;
pub(crate) use joined::Joined;
pub use merge::{Concat, Inputs, Merge, concat, merge};
pub use open_ended::{Added, OpenEnded, Sources, open_ended};
pub(crate) use opened::Opened;
pub(crate) use opening::{alone, opened};
pub(crate) use pull::AHEAD;
pub use stream::{FromStream, stream};
pub use weighed::{Weighed, weighed};

/// Where items come from: something that can be asked for a batch of them.
///
/// ```
/// use pipeline_runtime::source::{Flow, Pulled, Source, SourceError};
///
/// struct Countdown(u32);
///
/// impl Source for Countdown {
///     type Item = u32;
///     async fn pull(&mut self, max: usize, out: &mut Pulled<u32>) -> Result<Flow, SourceError> {
///         for _ in 0..max {
///             if self.0 == 0 {
///                 return Ok(Flow::End);
///             }
///             out.push(self.0);
///             self.0 -= 1;
///         }
///         Ok(Flow::More)
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a source of items",
    note = "implement `Source`, or use `source::iter(…)` or `source::stream(…)`"
)]
pub trait Source: Send + 'static {
    /// What it emits.
    type Item: Send + 'static;

    /// Appends at most `max` (at least 1) items, or failures of single items, to `out`; waits until there is at
    /// least one.
    ///
    /// `Ok(Flow::End)` may come with the last items. An error ends the source: what is in `out` is still processed.
    ///
    /// # Cancel safety
    ///
    /// Must be cancel safe: draining a pipeline drops the future. What was appended to `out` before is processed.
    fn pull(
        &mut self,
        max: usize,
        out: &mut Pulled<Self::Item>,
    ) -> impl Future<Output = Result<Flow, SourceError>> + Send;

    /// The name in plans, reports and messages. The default is `source`.
    fn name(&self) -> Name {
        "source".into()
    }
}

/// Whether a source has more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Ask again.
    More,
    /// That was all.
    End,
}

/// What one [`Source::pull`] brought: items, failures of single items, and what was skipped.
#[derive(Debug)]
pub struct Pulled<T> {
    pub(crate) items: Vec<T>,
    pub(crate) failures: Vec<SourceError>,
    pub(crate) skipped: u64,
    pub(crate) hold: Option<Hold>,
}

impl<T> Pulled<T> {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self {
            items: Vec::new(),
            failures: Vec::new(),
            skipped: 0,
            hold: None,
        }
    }

    /// Appends an item.
    pub fn push(&mut self, item: T) {
        self.items.push(item);
    }

    /// Appends the failure of one item; the source goes on.
    pub fn fail(&mut self, failure: SourceError) {
        self.failures.push(failure);
    }

    /// Counts `n` items that the source dropped on purpose (empty lines, say) as filtered.
    pub fn skip(&mut self, n: u64) {
        self.skipped += n;
    }

    /// Keeps `guard` until the items of this pull have left the first stage: so a source can bound the bytes that
    /// wait to be parsed. The guards of several calls are all kept.
    pub fn hold(&mut self, guard: impl Send + Sync + 'static) {
        self.hold = Some(match self.hold.take() {
            None => Hold(std::sync::Arc::new(guard)),
            Some(first) => Hold(std::sync::Arc::new((first, guard))),
        });
    }

    /// Moves all of `other` to the end of this.
    fn append(&mut self, other: &mut Self) {
        if self.items.is_empty() {
            std::mem::swap(&mut self.items, &mut other.items);
        } else {
            self.items.append(&mut other.items);
        }
        self.failures.append(&mut other.failures);
        self.skipped += std::mem::take(&mut other.skipped);
        if let Some(Hold(guard)) = other.hold.take() {
            self.hold(guard);
        }
    }

    /// How many items and failures it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len() + self.failures.len()
    }

    /// Whether it holds neither items nor failures.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The items.
    #[must_use]
    pub fn items(&self) -> &[T] {
        &self.items
    }

    /// The failures of single items.
    #[must_use]
    pub fn failures(&self) -> &[SourceError] {
        &self.failures
    }

    /// Moves the items out.
    pub fn take_items(&mut self) -> Vec<T> {
        std::mem::take(&mut self.items)
    }

    /// How many items the source dropped on purpose.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.skipped
    }
}

impl<T> Pulled<Carried<T, ()>> {
    /// Moves all of `other` to the end of this.
    fn append_plain(&mut self, other: &mut Pulled<T>) {
        let mut more = Pulled {
            items: Carried::plain_all(std::mem::take(&mut other.items)),
            failures: std::mem::take(&mut other.failures),
            skipped: std::mem::take(&mut other.skipped),
            hold: other.hold.take(),
        };
        self.append(&mut more);
        other.items = Carried::items(std::mem::take(&mut more.items));
    }
}

/// Items are dropped one by one, since any of them may panic then.
impl<T> Drop for Pulled<T> {
    fn drop(&mut self) {
        guard::let_go_of(std::mem::take(&mut self.items));
    }
}

impl<T> Default for Pulled<T> {
    fn default() -> Self {
        Self::new()
    }
}
