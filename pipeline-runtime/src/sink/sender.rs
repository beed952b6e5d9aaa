//! The sending end of a tokio channel.

use tokio::sync::mpsc::Sender;

use super::{Sink, SinkError, Written};

/// Waits for room item by item; a closed channel closes the sink.
impl<T: Send + 'static> Sink<T> for Sender<T> {
    async fn write(&self, items: Vec<T>) -> Result<Written, SinkError> {
        for item in items {
            if self.send(item).await.is_err() {
                return Err(SinkError::closed("the receiver is gone"));
            }
        }
        Ok(Written::all())
    }
}
