//! Requests of one kind, gathered while the last batch of them is under way.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What waits for the next batch. It holds at most one request for each task that is open.
#[derive(Debug)]
pub(super) struct Lane<R>(Mutex<State<R>>);

#[derive(Debug)]
struct State<R> {
    waiting: Vec<R>,
    /// Whether somebody takes batches.
    served: bool,
}

impl<R> Lane<R> {
    pub(super) fn new() -> Self {
        Self(Mutex::new(State {
            waiting: Vec::new(),
            served: false,
        }))
    }

    /// Adds a request. If nobody takes batches, the caller must see to it that someone does.
    #[must_use = "somebody must serve it"]
    pub(super) fn add(&self, request: R) -> bool {
        let mut state = self.lock();
        state.waiting.push(request);
        !std::mem::replace(&mut state.served, true)
    }

    /// All that waits, for who serves the lane; if that is nothing, nobody serves it any more.
    pub(super) fn batch(&self) -> Option<Vec<R>> {
        let mut state = self.lock();
        if state.waiting.is_empty() {
            state.served = false;
            return None;
        }
        let next = Vec::with_capacity(state.waiting.len());
        Some(std::mem::replace(&mut state.waiting, next))
    }

    fn lock(&self) -> MutexGuard<'_, State<R>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::Lane;

    #[test]
    fn the_first_request_asks_for_service_and_the_next_ones_wait_for_the_batch() {
        let lane = Lane::new();
        assert!(lane.add(1));
        assert!(!lane.add(2));
        assert_eq!(lane.batch(), Some(vec![1, 2]));
        assert!(!lane.add(3), "it is still served");
        assert_eq!(lane.batch(), Some(vec![3]));
        assert_eq!(lane.batch(), None);
        assert!(lane.add(4), "it is served no more");
    }
}
