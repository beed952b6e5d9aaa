//! What others see of it, and tell it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::task::AtomicWaker;

use crate::flow::edge::{Held, Meter};
use crate::measure::counts::Counts;
use crate::run::control::{Close, Drain};

/// The counts as they were last shown: of the source, and of the stages.
pub(super) struct Shown {
    pub(super) counts: Mutex<(Counts, Counts)>,
}

impl Shown {
    pub(super) fn lock(&self) -> MutexGuard<'_, (Counts, Counts)> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells the consumer that no more is to be taken in.
#[derive(Default)]
pub(super) struct Drained {
    pub(super) is_link: bool,
    pub(super) told: AtomicBool,
    pub(super) paused: AtomicBool,
    pub(super) consumer: AtomicWaker,
}

impl Drain for Drained {
    fn drain(&self) {
        // Release, and Acquire where it is read: who is woken by what follows sees it. The waker orders the two where the
        // consumer registers at the same time.
        self.told.store(true, Ordering::Release);
        self.consumer.wake();
    }

    fn is_link(&self) -> bool {
        self.is_link
    }

    fn pause(&self, paused: bool) {
        // Release: see `drain`.
        self.paused.store(paused, Ordering::Release);
        self.consumer.wake();
    }
}

impl Close for Drained {
    fn close(&self) {
        self.consumer.wake();
    }
}

pub(super) struct OfSource(pub(super) Arc<Shown>);
pub(super) struct OfStages(pub(super) Arc<Shown>);

impl Meter for OfSource {
    fn hold(&self) -> Box<dyn Held + '_> {
        Box::new(Copied(self.0.lock().0.clone()))
    }
}

impl Meter for OfStages {
    fn hold(&self) -> Box<dyn Held + '_> {
        Box::new(Copied(self.0.lock().1.clone()))
    }
}

/// Counts that are not locked: the consumer, who would change them, is the one who asks, or they differ by no more than
/// what it did meanwhile.
struct Copied(Counts);

impl Held for Copied {
    fn lanes(&self) -> &[Counts] {
        std::slice::from_ref(&self.0)
    }
}
