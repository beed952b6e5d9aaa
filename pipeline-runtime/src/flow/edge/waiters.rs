//! Who sleeps on one side of an edge.

use std::task::Waker;

/// The endpoints that wait, one place each: a place holds at most one waker, however often its owner polls.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    places: Vec<Option<Waker>>,
    waiting: usize,
    next: usize,
}

impl Waiters {
    pub(crate) fn park(&mut self, place: usize, waker: &Waker) {
        if place >= self.places.len() {
            self.places.resize(place + 1, None);
        }
        match &mut self.places[place] {
            Some(known) => known.clone_from(waker),
            empty @ None => {
                *empty = Some(waker.clone());
                self.waiting += 1;
            }
        }
    }

    /// Takes an endpoint's place back; whether it was still there: if not, the endpoint has been chosen to be woken.
    pub(crate) fn unpark(&mut self, place: usize) -> bool {
        let parked = self.places.get_mut(place).and_then(Option::take).is_some();
        self.waiting -= usize::from(parked);
        parked
    }

    pub(crate) fn any(&self) -> bool {
        self.waiting > 0
    }

    /// Chooses the next endpoint in turn, to be woken once the lock is released.
    #[must_use]
    pub(crate) fn choose(&mut self) -> Option<Waker> {
        if self.waiting == 0 {
            return None;
        }
        let count = self.places.len();
        let place = (0..count)
            .map(|step| (self.next + step) % count)
            .find(|&place| self.places[place].is_some())?;
        self.next = place + 1;
        self.waiting -= 1;
        self.places[place].take()
    }

    #[must_use]
    pub(crate) fn choose_all(&mut self) -> Vec<Waker> {
        self.waiting = 0;
        self.places.iter_mut().filter_map(Option::take).collect()
    }
}
