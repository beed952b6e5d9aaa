//! Gates, counters, items and ends that do as they are told, and tell what was done to them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use brigade::sink::{Sink, SinkError, Written};
use brigade::source::{Flow, Pulled, Source, SourceError};
use tokio::sync::watch;

/// Longer than anything here takes, however busy the machine is.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `condition` holds.
///
/// # Panics
///
/// If it does not hold within [`PATIENCE`].
pub(crate) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < PATIENCE, "never seen: {what}");
        tokio::task::yield_now().await;
        thread::sleep(Duration::from_millis(1));
    }
}

/// The output of `future`.
///
/// # Panics
///
/// If it takes longer than [`PATIENCE`]; in virtual time, if everything waits and nothing comes.
pub(crate) async fn in_time<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("something hangs")
}

/// Lets everything run until it waits; only in virtual time.
pub(crate) async fn idle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

/// Something that stages wait at.
#[derive(Debug, Clone)]
pub(crate) struct Gate(watch::Sender<bool>);

impl Gate {
    pub(crate) fn closed() -> Self {
        Self(watch::Sender::new(false))
    }

    pub(crate) fn open(&self) {
        self.0.send_replace(true);
    }

    /// Waits in a future.
    pub(crate) async fn pass(&self) {
        let mut open = self.0.subscribe();
        open.wait_for(|open| *open).await.expect("held by self");
    }

    /// Waits in a thread.
    pub(crate) fn block(&self) {
        let started = Instant::now();
        while !*self.0.borrow() {
            assert!(started.elapsed() < PATIENCE, "a gate was never opened");
            thread::park_timeout(Duration::from_millis(1));
        }
    }
}

/// How often something happened.
#[derive(Debug, Clone, Default)]
pub(crate) struct Count(Arc<AtomicUsize>);

impl Count {
    /// Counts once more; how often it was before.
    pub(crate) fn add(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst)
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// How many are in, and were at most.
#[derive(Debug, Clone, Default)]
pub(crate) struct Level(Arc<(AtomicUsize, AtomicUsize)>);

impl Level {
    pub(crate) fn enter(&self) -> Inside {
        let now = self.0.0.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.1.fetch_max(now, Ordering::SeqCst);
        Inside(self.clone())
    }

    pub(crate) fn now(&self) -> usize {
        self.0.0.load(Ordering::SeqCst)
    }

    pub(crate) fn peak(&self) -> usize {
        self.0.1.load(Ordering::SeqCst)
    }
}

/// In, until it is dropped.
#[derive(Debug)]
pub(crate) struct Inside(Level);

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// An item that is counted as long as it lives.
#[derive(Debug)]
pub(crate) struct Alive {
    pub(crate) id: u64,
    _inside: Inside,
}

impl Alive {
    pub(crate) fn new(id: u64, level: &Level) -> Self {
        Self {
            id,
            _inside: level.enter(),
        }
    }
}

/// Items from 0, which are counted when they are made and as long as they live.
pub(crate) fn alive(
    ids: std::ops::Range<u64>,
) -> (impl Iterator<Item = Alive> + Send + 'static, Level) {
    let level = Level::default();
    let counting = level.clone();
    let items = ids.map(move |id| Alive::new(id, &counting));
    (items, level)
}

/// The iterator, and how often it was asked with success.
pub(crate) fn counted<I: Iterator>(items: I) -> (impl Iterator<Item = I::Item>, Count) {
    let count = Count::default();
    let counting = count.clone();
    let items = items.inspect(move |_| {
        counting.add();
    });
    (items, count)
}

/// What happened, in order.
#[derive(Debug)]
pub(crate) struct Log<T>(Arc<Mutex<Vec<T>>>);

impl<T> Clone for Log<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for Log<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> Log<T> {
    pub(crate) fn push(&self, entry: T) {
        self.0.lock().unwrap().push(entry);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    pub(crate) fn take(&self) -> Vec<T> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    pub(crate) fn with<R>(&self, look: impl FnOnce(&[T]) -> R) -> R {
        look(&self.0.lock().unwrap())
    }
}

/// A sink that keeps everything, and notes each flush.
#[derive(Debug)]
pub(crate) struct Kept<T> {
    pub(crate) items: Log<T>,
    pub(crate) flushes: Count,
    /// Where each write waits.
    pub(crate) gate: Gate,
}

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        Self {
            items: self.items.clone(),
            flushes: self.flushes.clone(),
            gate: self.gate.clone(),
        }
    }
}

impl<T> Kept<T> {
    pub(crate) fn open() -> Self {
        let kept = Self::gated();
        kept.gate.open();
        kept
    }

    pub(crate) fn gated() -> Self {
        Self {
            items: Log::default(),
            flushes: Count::default(),
            gate: Gate::closed(),
        }
    }
}

impl<T: Send + 'static> Sink<T> for Kept<T> {
    async fn write(&self, items: Vec<T>) -> Result<Written, SinkError<T>> {
        self.gate.pass().await;
        assert_eq!(self.flushes.get(), 0, "written after the flush");
        for item in items {
            self.items.push(item);
        }
        Ok(Written::all())
    }

    async fn flush(&self) -> Result<(), SinkError<T>> {
        self.flushes.add();
        Ok(())
    }
}

/// A source that gives `given` numbers and then waits for ever.
#[derive(Debug)]
pub(crate) struct ThenNever {
    pub(crate) next: u64,
    pub(crate) given: u64,
}

impl ThenNever {
    pub(crate) fn after(given: u64) -> Self {
        Self { next: 0, given }
    }
}

impl Source for ThenNever {
    type Item = u64;

    async fn pull(&mut self, max: usize, out: &mut Pulled<u64>) -> Result<Flow, SourceError> {
        if self.next == self.given {
            std::future::pending::<()>().await;
        }
        let last = self.given.min(self.next + max as u64);
        (self.next..last).for_each(|id| out.push(id));
        self.next = last;
        Ok(Flow::More)
    }
}

/// The names of this process's threads, of which the system keeps 15 bytes.
pub(crate) fn threads() -> Vec<String> {
    std::fs::read_dir("/proc/self/task")
        .expect("Linux")
        .filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("stat")).ok())
        .filter_map(|stat| name_of(&stat))
        .collect()
}

/// The name of a thread, but of one that is on its way out of the kernel: it is listed for a moment after who joined it
/// has gone on.
fn name_of(stat: &str) -> Option<String> {
    /// `PF_EXITING` of Linux.
    const EXITING: u64 = 0x4;
    let (name, rest) = stat.split_once('(')?.1.rsplit_once(')')?;
    let flags: u64 = rest.split_whitespace().nth(6)?.parse().ok()?;
    (flags & EXITING == 0).then(|| name.to_owned())
}

/// While it lives, panics whose message is `panicked` print nothing.
pub(crate) struct Quiet;

impl Quiet {
    pub(crate) fn new() -> Self {
        static ONCE: std::sync::Once = std::sync::Once::new();
        ONCE.call_once(|| {
            let hook = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                if panic.payload_as_str() != Some("panicked") {
                    hook(panic);
                }
            }));
        });
        Self
    }
}
