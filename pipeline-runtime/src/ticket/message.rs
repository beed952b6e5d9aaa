//! The message behind a ticket.

use std::sync::Arc;

use super::Seat;

/// What a stage may know of the message that its item comes from.
#[derive(Debug)]
pub struct Message {
    /// The name of its queue.
    pub(crate) queue: Option<Arc<str>>,
    /// What tells it from another message of the same id.
    pub(crate) number: Option<Arc<str>>,
    /// On its ticket, for the task that the stage opens.
    pub(crate) seat: Seat,
}
