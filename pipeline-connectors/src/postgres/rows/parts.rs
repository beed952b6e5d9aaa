//! The parts of a key's range, and how far each is read.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How far the rows of a table are read, so that a source which is made again goes on from there:
/// [`resume`](crate::source::PostgresRowsBuilder::resume) describes it. A new one is at the beginning. Clones are the same
/// position.
///
/// It is kept in memory, and moves when rows are handed to the pipeline: it is for
/// [`source::again`](pipeline_runtime::source::again), where the pipeline runs on. What is to go on after a crash of the
/// program has [`after`](crate::source::PostgresRowsBuilder::after).
#[derive(Debug, Clone, Default)]
pub struct RowsPosition(Arc<Mutex<Option<Vec<Part>>>>);

/// A part of the range of keys: those after the one, up to the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) after: Option<Arc<str>>,
    pub(super) up_to: Option<Arc<str>>,
    pub(super) is_done: bool,
}

/// The parts between these keys, of which the first and the last may be open.
pub(super) fn between(
    after: Option<Arc<str>>,
    bounds: Vec<Arc<str>>,
    up_to: Option<Arc<str>>,
) -> Vec<Part> {
    let ends = bounds.into_iter().map(Some).chain([up_to]);
    let part = |after: &mut Option<Arc<str>>, up_to: Option<Arc<str>>| {
        let after = std::mem::replace(after, up_to.clone());
        Some(Part {
            after,
            up_to,
            is_done: false,
        })
    };
    ends.scan(after, part).collect()
}

impl RowsPosition {
    /// The beginning.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Vec<Part>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether something is divided into parts already.
    pub(super) fn has_begun(&self) -> bool {
        self.lock().is_some()
    }

    pub(super) fn begin(&self, parts: Vec<Part>) {
        *self.lock() = Some(parts);
    }

    /// Those that are left, by their numbers.
    pub(super) fn left(&self) -> VecDeque<usize> {
        let parts = self.lock();
        let parts = parts.iter().flatten().enumerate();
        parts
            .filter(|(_, part)| !part.is_done)
            .map(|(number, _)| number)
            .collect()
    }

    pub(super) fn part(&self, number: usize) -> Option<Part> {
        let parts = self.lock();
        parts.as_ref()?.get(number).cloned()
    }

    /// All up to this key is handed on, of this part.
    pub(super) fn moves(&self, number: usize, key: &Arc<str>) {
        if let Some(part) = self.lock().as_mut().and_then(|parts| parts.get_mut(number)) {
            part.after = Some(Arc::clone(key));
        }
    }

    /// All of it is handed on.
    pub(super) fn done(&self, number: usize) {
        if let Some(part) = self.lock().as_mut().and_then(|parts| parts.get_mut(number)) {
            part.is_done = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_follow_each_other_without_a_gap() {
        let parts = between(None, vec!["b".into(), "d".into()], Some("f".into()));
        let ends: Vec<_> = parts
            .iter()
            .map(|part| (part.after.as_deref(), part.up_to.as_deref()))
            .collect();
        assert_eq!(
            ends,
            [
                (None, Some("b")),
                (Some("b"), Some("d")),
                (Some("d"), Some("f"))
            ]
        );
        assert_eq!(between(Some("a".into()), Vec::new(), None).len(), 1);
    }

    #[test]
    fn what_is_done_is_not_left_and_what_is_begun_goes_on_where_it_is() {
        let position = RowsPosition::new();
        assert!(!position.has_begun());
        position.begin(between(None, vec!["b".into(), "d".into()], None));
        position.done(1);
        position.moves(2, &"e".into());
        assert_eq!(position.clone().left(), [0, 2]);
        assert_eq!(position.part(2).unwrap().after.as_deref(), Some("e"));
    }
}
