//! What a sink says when nothing, or not all, of a write succeeded.

use std::error::Error;
use std::fmt;

use super::Written;
use crate::failure::BoxError;
use crate::place::{ErrorKind, PlaceError};

/// A write, or a flush, did not succeed.
///
/// The kind says what becomes of the items: refused ones fail; where the sink is [away](ErrorKind::Away) they are written
/// again later, if the sink gives them back; a [closed](ErrorKind::Closed) sink stops the pipeline. Its `Display` is that
/// of what went wrong.
///
/// # Examples
///
/// ```
/// # use pipeline_runtime::sink::{Sink, SinkError, Written};
/// struct Log(std::net::SocketAddr);
///
/// impl Sink<String> for Log {
///     async fn write(&self, lines: Vec<String>) -> Result<Written, SinkError<String>> {
///         // Nothing is written yet: the pipeline tries again with these lines.
///         let connected = tokio::net::TcpStream::connect(self.0).await;
///         let mut log = match connected {
///             Ok(log) => log,
///             Err(error) => return Err(SinkError::away(error).with_items(lines)),
///         };
///         # let _ = &mut log;
///         // …
///         Ok(Written::all())
///     }
/// }
/// ```
pub struct SinkError<T>(Box<Parts<T>>);

struct Parts<T> {
    error: PlaceError,
    items: Vec<T>,
    written: Written,
}

impl<T> SinkError<T> {
    /// An error of that kind.
    pub fn new(kind: ErrorKind, error: impl Into<BoxError>) -> Self {
        Self(Box::new(Parts {
            error: PlaceError::new(kind, error),
            items: Vec::new(),
            written: Written::all(),
        }))
    }

    /// These items are refused for what they are; later ones may succeed. [`Written::fail`](super::Written::fail) refuses
    /// one of them.
    pub fn refused(error: impl Into<BoxError>) -> Self {
        Self::new(ErrorKind::Refused, error)
    }

    /// The sink cannot be reached, or has no room now; nothing is wrong with the items.
    pub fn away(error: impl Into<BoxError>) -> Self {
        Self::new(ErrorKind::Away, error)
    }

    /// The sink takes nothing more: the pipeline stops.
    pub fn closed(error: impl Into<BoxError>) -> Self {
        Self::new(ErrorKind::Closed, error)
    }

    /// The same with the items that are not written, in their order: all that the write was given, or those at its end,
    /// where the ones before them are written. Without any, all count as not written, and as lost to the sink.
    #[must_use]
    pub fn with_items(mut self, items: Vec<T>) -> Self {
        self.0.items = items;
        self
    }

    /// The same with what became of the items before those that come back, where some of them failed.
    #[must_use]
    pub fn with_written(mut self, written: Written) -> Self {
        self.0.written = written;
        self
    }

    /// The same for a sink that writes what it makes of its own items: as many of these come back, from their end, as have
    /// come back here.
    #[must_use]
    pub fn made_of<U>(self, mut items: Vec<U>) -> SinkError<U> {
        let Parts {
            error,
            items: back,
            written,
        } = *self.0;
        let items = items.split_off(items.len().saturating_sub(back.len()));
        SinkError(Box::new(Parts {
            error,
            items,
            written,
        }))
    }

    /// What it says of the items, and of what comes after them.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.error.kind
    }

    /// Whether the same may succeed later.
    #[must_use]
    pub fn is_away(&self) -> bool {
        self.kind() == ErrorKind::Away
    }

    /// What went wrong.
    #[must_use]
    pub fn error(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.0.error.error
    }

    /// What went wrong, by value.
    #[must_use]
    pub fn into_error(self) -> BoxError {
        self.0.error.error
    }

    /// The items that came back.
    #[must_use]
    pub fn items(&self) -> &[T] {
        &self.0.items
    }

    /// What went wrong, what became of the items before those that came back, and these.
    pub fn into_parts(self) -> (BoxError, Written, Vec<T>) {
        let Parts {
            error,
            items,
            written,
        } = *self.0;
        (error.error, written, items)
    }
}

impl<T> fmt::Display for SinkError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.error.fmt(f)
    }
}

impl<T> fmt::Debug for SinkError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SinkError")
            .field("kind", &self.kind())
            .field("error", &self.0.error.error)
            .field("items", &self.0.items.len())
            .finish()
    }
}

impl<T> Error for SinkError<T> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.error.source()
    }
}
