//! Where one input waits for room.

use std::sync::Arc;
use std::task::{Context, Poll};

use super::load::{Load, Permit};
use super::room::Room;

/// Where one input waits for room.
pub(crate) struct Place {
    room: Arc<Room>,
    /// Its number while it waits.
    number: Option<u64>,
}

impl Place {
    pub(super) fn new(room: Arc<Room>) -> Self {
        Self { room, number: None }
    }

    /// Takes room for so many bytes; in turn with the other inputs.
    pub(crate) fn poll_take(&mut self, cx: &mut Context<'_>, bytes: u64) -> Poll<Permit> {
        if self.room.take(&mut self.number, bytes, cx) {
            Poll::Ready(Permit::new(Arc::clone(&self.room), bytes))
        } else {
            Poll::Pending
        }
    }

    /// Takes it without waiting: nothing more will be asked for.
    pub(crate) fn take(&mut self, bytes: u64) -> Permit {
        self.leave();
        self.room.hold(bytes);
        Permit::new(Arc::clone(&self.room), bytes)
    }

    /// How much there is.
    pub(crate) fn bytes(&self) -> u64 {
        self.room.bytes()
    }

    /// How much of it is free now.
    pub(crate) fn free(&self) -> u64 {
        self.room.free()
    }

    /// Whether that item holds some of the budget.
    pub(crate) fn is_of(&self, load: &Load) -> bool {
        load.is_of(&self.room)
    }

    /// Whether it waits.
    pub(crate) fn waits(&self) -> bool {
        self.number.is_some()
    }

    /// It waits no more, and lets others in.
    pub(crate) fn leave(&mut self) {
        if let Some(number) = self.number.take() {
            self.room.leave(number);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.leave();
    }
}
