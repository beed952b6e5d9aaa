//! A source that is made again when it breaks.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::{Flow, Pulled, Source, SourceError};
use crate::backoff::Backoff;
use crate::failure::BoxError;
use crate::guard::{self, Panicked};

/// The first wait, and the longest.
const WAITS: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(30));

/// A source that is made again when it breaks: by an error that ends it, by a panic, or when it cannot be made. The
/// pipeline runs on: what was read before is not read again, and its stages, open batches and state stay as they are.
///
/// `make` is called with how much was read so far: items, failures of single items, and what the sources skipped. So it
/// can go on from there, by an offset or a number. A source that cannot tell, a connection say, may ignore it; one that has
/// a cursor of its own keeps it in what `make` captures. It returns a source, or a `Result` of one. (A closure that captures
/// something is written `move |read| async move { … }`: rustc takes an `async move |read|` for one that lends it.)
///
/// Each break is a failure at the errors end, in a row with those of single items. So a pipeline without an errors end
/// stops at the first. After a break it waits: 200 ms, then ever twice as long up to 30 s, half of it random
/// ([`Again::backoff`]); the waits begin anew when something was read. It tries for as long as it takes, unless
/// [`Again::limit`] says otherwise. A source that ends well has ended.
///
/// For a whole pipeline that is to come again, deliveries and all, there are services; queues reconnect by themselves.
///
/// # Cancel safety
///
/// A drain ends it at once, in a wait too.
///
/// # Panics
///
/// A pipeline with it needs tokio's timer: it panics in a runtime without `enable_time`, and that ends it.
///
/// # Examples
///
/// ```
/// # use pipeline_runtime::source::{self, Flow, Pulled, Source, SourceError};
/// # struct Rows(u64);
/// # impl Source for Rows {
/// #     type Item = u64;
/// #     async fn pull(&mut self, _: usize, _: &mut Pulled<u64>) -> Result<Flow, SourceError> { Ok(Flow::End) }
/// # }
/// # async fn rows_from(offset: u64) -> Result<Rows, std::io::Error> { Ok(Rows(offset)) }
/// let rows = source::again(|read| rows_from(read)).limit(10);
/// # let _ = rows;
/// ```
pub fn again<S, M, R>(make: M) -> Again<S, M>
where
    S: Source,
    M: FnMut(u64) -> R + Send + 'static,
    R: Future<Output: Made<S>> + Send,
{
    Again {
        make,
        source: None,
        backoff: Backoff::exponential().min_delay(WAITS.0).max_delay(WAITS.1),
        limit: None,
        read: 0,
        breaks: 0,
        due: None,
    }
}

/// What makes a source: one, or a `Result` of one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a source nor a `Result` of one",
    note = "return what implements `Source`, or `Ok` of it; in front of a stream or an iterator write a `Source` whose `pull` says by an error that it broke"
)]
pub trait Made<S>: Send {
    /// The source.
    ///
    /// # Errors
    ///
    /// It could not be made.
    fn made(self) -> Result<S, BoxError>;
}

impl<S: Source> Made<S> for S {
    fn made(self) -> Result<S, BoxError> {
        Ok(self)
    }
}

impl<S: Source, E: Into<BoxError> + Send> Made<S> for Result<S, E> {
    fn made(self) -> Result<S, BoxError> {
        self.map_err(Into::into)
    }
}

/// The source that [`again`] makes.
#[must_use = "it is the input of a pipeline"]
pub struct Again<S, M> {
    make: M,
    source: Option<S>,
    backoff: Backoff,
    limit: Option<u32>,
    read: u64,
    /// One after the other, with nothing read between them.
    breaks: u32,
    /// When it is made again.
    due: Option<Instant>,
}

impl<S, M> fmt::Debug for Again<S, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Again")
            .field("read", &self.read)
            .field("breaks", &self.breaks)
            .finish_non_exhaustive()
    }
}

impl<S, M> Again<S, M> {
    /// How long it waits after a break. The default doubles from 200 ms up to 30 s.
    pub fn backoff(mut self, backoff: impl Into<Backoff>) -> Self {
        self.backoff = backoff.into();
        self
    }

    /// After so many breaks with nothing read between them the last one ends the pipeline, as that of any source does. With
    /// 0 the first does. The default is no limit.
    pub fn limit(mut self, breaks: u32) -> Self {
        self.limit = Some(breaks);
        self
    }
}

/// That a source broke, at the errors end.
#[derive(Debug)]
struct Broke {
    error: BoxError,
    read: u64,
    wait: Duration,
}

impl fmt::Display for Broke {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { error, read, wait } = self;
        write!(
            f,
            "the source broke behind {read} that were read, it is made again in {wait:.1?}: {error}"
        )
    }
}

impl std::error::Error for Broke {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.error)
    }
}

impl<S, M, R> Again<S, M>
where
    S: Source,
    M: FnMut(u64) -> R + Send + 'static,
    R: Future<Output: Made<S>> + Send,
{
    /// Asks the source, which is made first where there is none.
    async fn ask(&mut self, max: usize, out: &mut Pulled<S::Item>) -> Result<Flow, SourceError> {
        if let Some(due) = self.due {
            sleep_until(due).await;
            self.due = None;
        }
        let source = match &mut self.source {
            Some(source) => source,
            none => {
                let made = guard::call(|| (self.make)(self.read)).map_err(SourceError::new)?;
                let made = guard::run(made).await.map_err(SourceError::new)?;
                none.insert(made.made().map_err(SourceError::new)?)
            }
        };
        let pulled = guard::run(source.pull(max, out)).await;
        pulled.unwrap_or_else(|panicked: Panicked| Err(SourceError::new(panicked)))
    }

    /// What it broke by; how it goes on.
    fn broke(
        &mut self,
        error: SourceError,
        out: &mut Pulled<S::Item>,
    ) -> Result<Flow, SourceError> {
        guard::let_go_of(self.source.take());
        if self.limit.is_some_and(|limit| self.breaks >= limit) {
            return Err(error);
        }
        self.breaks = self.breaks.saturating_add(1);
        let wait = self.backoff.delay(self.breaks);
        self.due = Instant::now().checked_add(wait);
        let origin = error.origin().cloned();
        let broke = SourceError::new(Broke {
            error: error.into_error(),
            read: self.read,
            wait,
        });
        out.fail(match origin {
            Some(origin) => broke.at(origin),
            None => broke,
        });
        Ok(Flow::More)
    }
}

impl<S, M, R> Source for Again<S, M>
where
    S: Source,
    M: FnMut(u64) -> R + Send + 'static,
    R: Future<Output: Made<S>> + Send,
{
    type Item = S::Item;

    async fn pull(&mut self, max: usize, out: &mut Pulled<S::Item>) -> Result<Flow, SourceError> {
        let all = |out: &Pulled<S::Item>| out.len() as u64 + out.skipped();
        let before = all(out);
        let asked = self.ask(max, out).await;
        let read = all(out) - before;
        self.read += read;
        if read > 0 {
            self.breaks = 0;
        }
        match asked {
            Ok(flow) => Ok(flow),
            Err(error) => self.broke(error, out),
        }
    }
}
