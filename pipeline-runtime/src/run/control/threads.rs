//! The threads of one pipeline.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio::runtime::Handle;
use tokio::sync::Notify;

use crate::run::paused::LetGo;

/// The most threads of all pipelines of the process. Where memory maps run out, which are a few for each thread, a new
/// thread does not fail but aborts the process: Linux gives 65,530 by default.
const AT_MOST: usize = 8192;

static ALL: AtomicUsize = AtomicUsize::new(0);

#[derive(Debug, Default)]
pub(super) struct Threads {
    threads: Mutex<Vec<Thread>>,
    ended: Notify,
}

#[derive(Debug)]
struct Thread {
    name: String,
    ended: Arc<AtomicBool>,
    handle: Option<thread::JoinHandle<()>>,
}

impl Thread {
    fn running(&self) -> bool {
        // Acquire: see `Ended::drop`.
        !self.ended.load(Ordering::Acquire)
    }
}

/// A thread's last act, also when it panics.
struct Ended(Arc<AtomicBool>, Arc<Threads>);

impl Ended {
    /// One more thread, if there may be.
    fn begin(ended: Arc<AtomicBool>, threads: Arc<Threads>) -> io::Result<Self> {
        // A number that nothing else is read by.
        let all = ALL.fetch_add(1, Ordering::Relaxed);
        let last = Self(ended, threads);
        if all < AT_MOST {
            return Ok(last);
        }
        Err(io::Error::other(format!(
            "the pipelines of this process have {AT_MOST} threads already"
        )))
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        // Relaxed: see `begin`.
        ALL.fetch_sub(1, Ordering::Relaxed);
        // Release: who sees that the thread has ended, or is told so by what follows, sees what it did.
        self.0.store(true, Ordering::Release);
        self.1.ended.notify_waiters();
    }
}

impl Threads {
    fn lock(&self) -> MutexGuard<'_, Vec<Thread>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` on a thread of its own, in the context of the runtime. A paused clock is let go of when all who wait for
    /// the thread's end have been told of it: else it would run ahead of them.
    pub(super) fn spawn(
        self: &Arc<Self>,
        runtime: Handle,
        name: String,
        parker: LetGo,
        work: Box<dyn FnOnce() + Send>,
    ) -> io::Result<()> {
        let ended = Arc::new(AtomicBool::new(false));
        let last = Ended::begin(Arc::clone(&ended), Arc::clone(self))?;
        let handle = thread::Builder::new().name(name.clone()).spawn(move || {
            let _parker = parker;
            let _last = last;
            let _context = runtime.enter();
            work();
        })?;
        self.lock().push(Thread {
            name,
            ended,
            handle: Some(handle),
        });
        Ok(())
    }

    /// Waits until every thread has ended.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub(super) async fn ended(&self) {
        loop {
            let woken = self.ended.notified();
            if !self.lock().iter().any(Thread::running) {
                break;
            }
            woken.await;
        }
        // Their work is done: they are on their way out, and this does not block.
        let mut threads = self.lock();
        for handle in threads.iter_mut().filter_map(|thread| thread.handle.take()) {
            // A panicked worker has stopped the pipeline in its drop guard already.
            drop(handle.join());
        }
    }

    /// The names of those that have not ended.
    pub(super) fn running(&self) -> Vec<String> {
        let threads = self.lock();
        let running = threads.iter().filter(|thread| thread.running());
        running.map(|thread| thread.name.clone()).collect()
    }
}
