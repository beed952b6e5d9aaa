//! Any `futures::Sink`.

use futures::SinkExt;
use tokio::sync::Mutex;

use super::{Sink, SinkError, Written};
use crate::failure::BoxError;
use crate::guard::Going;

/// The items go into a `futures::Sink`, one write at a time. Its first error closes it.
pub fn from_futures_sink<S>(sink: S) -> FromFuturesSink<S> {
    FromFuturesSink(Mutex::new(sink))
}

/// The sink that [`from_futures_sink`] makes.
#[derive(Debug)]
pub struct FromFuturesSink<S>(Mutex<S>);

impl<T, S> Sink<T> for FromFuturesSink<S>
where
    T: Send + 'static,
    S: futures::Sink<T, Error: Into<BoxError>> + Unpin + Send + 'static,
{
    async fn write(&self, items: Vec<T>) -> Result<Written, SinkError<T>> {
        let mut sink = self.0.lock().await;
        for item in Going::of(items) {
            sink.feed(item).await.map_err(SinkError::closed)?;
        }
        sink.flush().await.map_err(SinkError::closed)?;
        Ok(Written::all())
    }

    async fn flush(&self) -> Result<(), SinkError<T>> {
        self.0.lock().await.close().await.map_err(SinkError::closed)
    }
}
