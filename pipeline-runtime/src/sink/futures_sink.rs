//! Any `futures::Sink`.

use futures::SinkExt;
use tokio::sync::Mutex;

use super::{Sink, SinkError, Written};
use crate::failure::BoxError;
use crate::guard::Going;

/// The items go into a `futures::Sink`, one write at a time. Its first error closes it.
pub fn futures_sink<S>(sink: S) -> FuturesSink<S> {
    FuturesSink(Mutex::new(sink))
}

/// The sink that [`futures_sink`] makes.
#[derive(Debug)]
pub struct FuturesSink<S>(Mutex<S>);

impl<T, S> Sink<T> for FuturesSink<S>
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
