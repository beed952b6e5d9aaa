//! The places of a group's workers: as many as are asked for, made as they are needed.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::graph::{Ended, Resize};

/// So many workers are made at once. More are made one by one, when all that there are have something to do: a count is a
/// ceiling, and nobody pays for a million tasks to process a hundred items.
const AT_ONCE: usize = 64;

/// A group that makes its workers.
pub(crate) trait Makes: Send + Sync + 'static {
    fn places(&self) -> &Places;

    /// How many may work.
    fn permits(&self) -> usize;

    /// From now on so many may work, of which `made` are there; whether the group goes on at all.
    fn permit(&self, count: usize) -> bool;

    /// Makes the worker at `place`.
    fn make(self: &Arc<Self>, place: usize) -> Result<(), Refused>;

    /// So many of the workers that are there may work.
    fn staffed(&self, workers: usize);

    /// A worker cannot be had, and nothing runs yet.
    fn cannot_start(&self, error: io::Error);

    /// A worker cannot be had, and the group goes on with `made`.
    fn cannot_grow(&self, made: usize, error: &io::Error);
}

/// A worker that could not be made.
pub(crate) struct Refused {
    pub(crate) error: io::Error,
    /// Takes it out of the count, when all that is to be said has been said.
    pub(crate) withdraw: Box<dyn FnOnce()>,
}

impl Refused {
    /// One that is counted in only when it begins.
    pub(crate) fn unborn(error: io::Error) -> Self {
        Self {
            error,
            withdraw: Box::new(|| ()),
        }
    }
}

/// Who is there of a group's workers.
#[derive(Debug)]
pub(crate) struct Places {
    made: Mutex<Made>,
    /// Whether more workers may be made than there are. Until then nobody counts who is free.
    open: AtomicBool,
    /// How many are known to have nothing to do. One of whom nothing is known is taken to be busy: at worst a worker too
    /// many is made.
    free: AtomicUsize,
    /// The workers below this place are not counted as free when they are made: no more were to come.
    uncounted: AtomicUsize,
}

#[derive(Debug)]
struct Made {
    count: usize,
    /// The system gives no more.
    most: usize,
    begun: bool,
}

impl Places {
    pub(crate) fn new() -> Self {
        Self {
            made: Mutex::new(Made {
                count: 0,
                most: usize::MAX,
                begun: false,
            }),
            open: AtomicBool::new(false),
            free: AtomicUsize::new(0),
            uncounted: AtomicUsize::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Made> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A worker has something to do: whether nobody is free any more, and another one is to be made.
    #[inline]
    pub(crate) fn works(&self, free: &mut bool) -> bool {
        if std::mem::take(free) {
            // A number that nothing else is read by; who sees the last one go looks again under the lock.
            return self.free.fetch_sub(1, Ordering::Relaxed) == 1;
        }
        // A hint, as above: the lock decides.
        self.open.load(Ordering::Relaxed) && self.free.load(Ordering::Relaxed) == 0
    }

    /// A worker has nothing to do.
    #[inline]
    pub(crate) fn rests(&self, free: &mut bool) {
        // A hint, as above.
        if !*free && self.open.load(Ordering::Relaxed) {
            *free = true;
            self.free.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether the worker at `place` is counted as free when it is made.
    pub(crate) fn counted(&self, place: usize) -> bool {
        // Written before any worker is made.
        place >= self.uncounted.load(Ordering::Relaxed)
    }

    fn make<M: Makes>(&self, group: &Arc<M>, made: &mut Made) -> Result<(), Refused> {
        let free = usize::from(self.counted(made.count));
        // Counted before the worker runs, and asked for under the lock that is held.
        self.free.fetch_add(free, Ordering::Relaxed);
        let done = group.make(made.count);
        if done.is_ok() {
            made.count += 1;
        } else {
            // Relaxed: as above.
            self.free.fetch_sub(free, Ordering::Relaxed);
        }
        done
    }

    /// Tells those who ask without the lock.
    fn show<M: Makes>(&self, group: &Arc<M>, made: &Made) {
        let permits = group.permits();
        // A hint, as above.
        self.open
            .store(made.count < permits.min(made.most), Ordering::Relaxed);
        group.staffed(permits.min(made.count));
    }
}

/// The first workers of a group start.
pub(crate) fn begin<M: Makes>(group: &Arc<M>) {
    let places = group.places();
    let mut made = places.lock();
    made.begun = true;
    let permits = group.permits();
    let uncounted = if permits > AT_ONCE { 0 } else { permits };
    // Read by workers that are made after it.
    places.uncounted.store(uncounted, Ordering::Relaxed);
    while made.count < permits.min(AT_ONCE) {
        if let Err(refused) = places.make(group, &mut made) {
            group.cannot_start(refused.error);
            return (refused.withdraw)();
        }
    }
    places.show(group, &made);
}

/// All workers of a group have something to do.
#[cold]
pub(crate) fn grow<M: Makes>(group: &Arc<M>) {
    let places = group.places();
    let mut made = places.lock();
    // Under the lock, which whoever makes one holds.
    if places.free.load(Ordering::Relaxed) == 0 {
        add(group, &mut made);
    }
}

/// Makes one more, if there may be.
fn add<M: Makes>(group: &Arc<M>, made: &mut Made) {
    let places = group.places();
    if made.count < group.permits().min(made.most)
        && let Err(refused) = places.make(group, made)
    {
        made.most = made.count;
        group.cannot_grow(made.count, &refused.error);
        (refused.withdraw)();
    }
    places.show(group, made);
}

impl<M: Makes> Resize for M {
    fn set(self: Arc<Self>, count: usize) -> Result<(), Ended> {
        let places = self.places();
        let mut made = places.lock();
        if !self.permit(count) {
            return Err(Ended);
        }
        if made.begun {
            while made.count < count.min(AT_ONCE).min(made.most) {
                add(&self, &mut made);
            }
            // Those that there are may be in calls that take long: nobody would make the next one.
            add(&self, &mut made);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
