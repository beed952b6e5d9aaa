//! When nothing comes any more: who holds items until the input ends, and who lets go of them when asked.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, ready};

use tokio::sync::watch;

use crate::bounds::BoxFuture;
use crate::budget::Flushes;
use crate::named::debug_by_name;
use crate::ticket::KeptBy;

/// Between the sources of a pipeline that end when nothing is left to do, and the stages that keep items back.
#[derive(Default)]
pub struct Idle {
    /// Whether there is such a source.
    wanted: AtomicBool,
    flushes: watch::Sender<()>,
    keepers: Mutex<Vec<Weak<dyn KeepsItems>>>,
    /// Of the pipelines that this one is an input of, and of those behind its links.
    behind: Mutex<Vec<Weak<Idle>>>,
}

debug_by_name!(Idle);

/// What keeps items until the input has ended.
pub(crate) trait KeepsItems: Send + Sync {
    /// How many deliveries of this keeper's it has with all of their parts.
    fn deliveries(&self, of: KeptBy<'_>) -> usize;
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Idle {
    /// There is a source that asks.
    pub(crate) fn want(&self) {
        // Relaxed, as below: nothing has started yet.
        self.wanted.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_wanted(&self) -> bool {
        // Relaxed: see `want`.
        self.wanted.load(Ordering::Relaxed)
    }

    /// The pipeline becomes an input of another.
    pub(crate) fn within(&self, outer: &Arc<Idle>) {
        if self.is_wanted() {
            outer.want();
        }
        self.leads_to(outer);
    }

    /// What the pipeline makes goes on in that one.
    pub(crate) fn leads_to(&self, other: &Arc<Idle>) {
        let mut behind = lock(&self.behind);
        // A pipeline behind a link may be made again and again.
        behind.retain(|one| one.strong_count() > 0);
        behind.push(Arc::downgrade(other));
    }

    /// All that are behind it, each once: links may lead back to where they come from.
    fn all_behind(&self) -> Vec<Arc<Self>> {
        let (mut all, mut next) = (Vec::<Arc<Self>>::new(), 0);
        let mut front = lock(&self.behind).clone();
        loop {
            for one in front.iter().filter_map(Weak::upgrade) {
                let is_known = |known: &Arc<Self>| Arc::ptr_eq(known, &one);
                if Arc::as_ptr(&one) != std::ptr::from_ref(self) && !all.iter().any(is_known) {
                    all.push(one);
                }
            }
            let Some(one) = all.get(next) else { return all };
            front.clone_from(&lock(&one.behind));
            next += 1;
        }
    }

    pub(crate) fn add(&self, keeper: Weak<dyn KeepsItems>) {
        lock(&self.keepers).push(keeper);
    }

    /// How many deliveries of this keeper's are kept until the input has ended.
    pub(crate) fn kept(&self, of: KeptBy<'_>) -> usize {
        let behind = self.all_behind();
        let behind = behind.iter().map(|behind| behind.kept_here(of));
        self.kept_here(of) + behind.sum::<usize>()
    }

    fn kept_here(&self, of: KeptBy<'_>) -> usize {
        let keepers = lock(&self.keepers).clone();
        let keepers = keepers.iter().filter_map(Weak::upgrade);
        keepers.map(|keeper| keeper.deliveries(of)).sum()
    }

    /// Those who wait for more items to come go on with what they have.
    pub(crate) fn flush(&self) {
        self.flushes.send_replace(());
        for behind in self.all_behind() {
            behind.flushes.send_replace(());
        }
    }

    /// For who waits for more items to come.
    pub(crate) fn flushed(&self) -> Flushed {
        let wanted = self.is_wanted();
        Flushed(wanted.then(|| next(self.flushes.subscribe())))
    }
}

impl Flushes for Idle {
    fn flush(&self) {
        Self::flush(self);
    }
}

/// Tells a stage to go on with what it has.
pub(crate) struct Flushed(Option<BoxFuture<'static, watch::Receiver<()>>>);

impl Flushed {
    /// Waits for the next time.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(next_time) = &mut self.0 else {
            return Poll::Pending;
        };
        let flushes = ready!(next_time.as_mut().poll(cx));
        self.0 = Some(next(flushes));
        Poll::Ready(())
    }
}

fn next(mut flushes: watch::Receiver<()>) -> BoxFuture<'static, watch::Receiver<()>> {
    Box::pin(async move {
        if flushes.changed().await.is_err() {
            // The pipeline is gone, and tells its stages so.
            std::future::pending::<()>().await;
        }
        flushes
    })
}
