//! Items that nobody takes any more.

use std::collections::VecDeque;

use super::{Parcel, State};
use crate::guard;

/// What an edge held, to be dropped once its lock is released: one by one, since any of them may panic then.
pub(super) struct Remains<T> {
    pub(super) front: VecDeque<T>,
    pub(super) chunks: VecDeque<Vec<T>>,
    pub(super) pending: VecDeque<Option<(usize, Parcel<T>)>>,
}

impl<T> Drop for Remains<T> {
    fn drop(&mut self) {
        guard::let_go_of(std::mem::take(&mut self.front));
        guard::let_go_of(std::mem::take(&mut self.chunks).into_iter().flatten());
        let parcels = std::mem::take(&mut self.pending).into_iter().flatten();
        guard::let_go_of(parcels.flat_map(|(_, parcel)| parcel));
    }
}

impl<T> State<T> {
    /// Moves everything out.
    pub(super) fn clear(&mut self) -> Remains<T> {
        let (front, chunks) = self.ready.clear();
        Remains {
            front,
            chunks,
            pending: std::mem::take(&mut self.pending),
        }
    }
}

impl<T> Drop for State<T> {
    fn drop(&mut self) {
        drop(self.clear());
    }
}

impl<T> IntoIterator for Parcel<T> {
    type Item = T;
    type IntoIter = std::iter::Chain<std::option::IntoIter<T>, std::vec::IntoIter<T>>;

    fn into_iter(self) -> Self::IntoIter {
        let (one, many) = match self {
            Self::Nothing => (None, Vec::new()),
            Self::One(item) => (Some(item), Vec::new()),
            Self::Many(items) => (None, items),
        };
        one.into_iter().chain(many)
    }
}
