//! The output end of a pipeline.

use std::future::Future;

use crate::failure::{BoxError, Cause};

/// Where items go: something that writes a batch of them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a sink for `{T}`",
    note = "a sink is a `tokio::sync::mpsc::Sender<{T}>`, `sink::each(|item: {T}| …)`, or a type that implements `Sink<{T}>`"
)]
pub trait Sink<T>: Send + Sync + 'static {
    /// Writes the items; reports those that failed by index with their cause, or an error for all of them.
    ///
    /// # Cancel safety
    ///
    /// Need not be cancel safe: only an abort drops the future.
    fn write(&self, items: Vec<T>) -> impl Future<Output = Result<Written, SinkError>> + Send;

    /// Called once after the last write has returned.
    fn flush(&self) -> impl Future<Output = Result<(), SinkError>> + Send {
        async { Ok(()) }
    }

    /// The name in reports. The default is `sink`.
    fn name(&self) -> &'static str {
        "sink"
    }
}

/// What became of the items of one [`Sink::write`].
#[derive(Debug, Default)]
#[must_use]
pub struct Written {
    pub(crate) failed: Vec<Failed>,
}

/// One item, or a part of one, that could not be written.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) index: usize,
    pub(crate) part: bool,
    pub(crate) cause: Cause,
}

impl Written {
    /// All items are written.
    pub fn all() -> Self {
        Self::default()
    }

    /// The item at `index` could not be written. The first cause for an index counts.
    pub fn fail(&mut self, index: usize, cause: impl Into<BoxError>) {
        self.failed.push(Failed {
            index,
            part: false,
            cause: Cause::Error(cause.into()),
        });
    }

    /// A part of the item at `index` could not be written (a row of a `Vec` of rows, say); the rest of it was. Each
    /// call is a failure of its own at the error end; the item itself counts as done.
    pub fn fail_part(&mut self, index: usize, cause: impl Into<BoxError>) {
        self.failed.push(Failed {
            index,
            part: true,
            cause: Cause::Error(cause.into()),
        });
    }

    /// The failures so far: index and cause.
    pub fn failures(&self) -> impl Iterator<Item = (usize, &Cause)> {
        self.failed
            .iter()
            .map(|failed| (failed.index, &failed.cause))
    }
}

/// Nothing of a write (or a flush) succeeded.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct SinkError {
    /// What went wrong.
    #[source]
    pub error: BoxError,
    /// Whether the sink can still take items. If not, the pipeline stops.
    pub closed: bool,
}

impl SinkError {
    /// These items failed; later ones may succeed.
    pub fn new(error: impl Into<BoxError>) -> Self {
        Self {
            error: error.into(),
            closed: false,
        }
    }

    /// The sink takes nothing more: the pipeline stops.
    pub fn closed(error: impl Into<BoxError>) -> Self {
        Self {
            error: error.into(),
            closed: true,
        }
    }
}

/// Calls `f` with every item; `f` returns `()` or a `Result` whose error fails that item.
pub fn each<T, R, F>(f: F) -> Each<T, F>
where
    F: Fn(T) -> R,
{
    Each(f, std::marker::PhantomData)
}

/// The sink that [`each`] makes.
pub struct Each<T, F>(F, std::marker::PhantomData<fn(T)>);

/// What the function of [`each`] may return.
pub trait Outcome {
    /// As a result.
    fn outcome(self) -> Result<(), BoxError>;
}

impl Outcome for () {
    fn outcome(self) -> Result<(), BoxError> {
        Ok(())
    }
}

impl<E: Into<BoxError>> Outcome for Result<(), E> {
    fn outcome(self) -> Result<(), BoxError> {
        self.map_err(Into::into)
    }
}

impl<T: Send + 'static, R: Outcome, F: Fn(T) -> R + Send + Sync + 'static> Sink<T> for Each<T, F> {
    async fn write(&self, items: Vec<T>) -> Result<Written, SinkError> {
        let mut written = Written::all();
        for (index, item) in items.into_iter().enumerate() {
            if let Err(error) = (self.0)(item).outcome() {
                written.fail(index, error);
            }
        }
        Ok(written)
    }
}
