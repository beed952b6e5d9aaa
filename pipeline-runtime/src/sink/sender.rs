//! The sending end of a tokio channel.

use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::SendError;

use super::{Sink, SinkError, Written};
use crate::guard::Going;

/// Waits for room item by item; a closed channel closes the sink.
impl<T: Send + 'static> Sink<T> for Sender<T> {
    async fn write(&self, items: Vec<T>) -> Result<Written, SinkError<T>> {
        let mut items = Going::of(items);
        while let Some(item) = items.next() {
            if let Err(SendError(item)) = self.send(item).await {
                let left = std::iter::once(item).chain(items.rest()).collect();
                return Err(SinkError::closed("the receiver is gone").with_items(left));
            }
        }
        Ok(Written::all())
    }
}
