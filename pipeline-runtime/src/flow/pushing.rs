//! Taking from and pushing onto vectors in hot loops.

use std::vec;

/// Pushes onto a vector that has room.
///
/// `Vec::push` looks for room at every item, and as it may move the vector when there is none, its length is written to
/// memory every time. Here the vector is a local one that cannot grow: a loop that pushes keeps the length in a register
/// and, where the items allow it, works on several at once. A panic in the loop loses nothing.
pub(crate) struct Pushing<'a, T> {
    into: &'a mut Vec<T>,
    items: Vec<T>,
}

impl<'a, T> Pushing<'a, T> {
    /// Makes room in `into` for `more` items behind those that it has.
    #[inline]
    pub(crate) fn with_room(into: &'a mut Vec<T>, more: usize) -> Self {
        let mut items = std::mem::take(into);
        items.reserve_exact(more);
        Self { into, items }
    }

    /// # Panics
    ///
    /// When there is no room: it was asked for once, and cannot be had now.
    #[inline]
    pub(crate) fn push(&mut self, item: T) {
        assert!(self.items.len() < self.items.capacity(), "room was made");
        self.items.push(item);
    }
}

impl<T> Drop for Pushing<'_, T> {
    #[inline]
    fn drop(&mut self) {
        *self.into = std::mem::take(&mut self.items);
    }
}

/// The buffer of a vector that is used up, to be filled again.
#[expect(
    clippy::map_identity,
    reason = "collecting a mapped iterator keeps its buffer, and collecting the iterator itself does not"
)]
#[inline]
pub(crate) fn emptied<T>(used_up: vec::IntoIter<T>) -> Vec<T> {
    used_up.map(|item| item).collect()
}
