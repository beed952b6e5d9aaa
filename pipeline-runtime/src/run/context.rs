//! What a pipeline needs of the tokio runtime that it starts in.

use std::future::Future;
use std::panic::Location;
use std::panic::catch_unwind;
use std::pin::pin;
use std::thread;
use std::time::{Duration, Instant};

use futures::future::{Either, select};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::site::StageInfo;

/// The user's call that a pipeline starts by, perhaps later, when it is polled.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    pub(crate) name: &'static str,
    pub(crate) at: &'static Location<'static>,
}

impl Call {
    #[track_caller]
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            at: Location::caller(),
        }
    }

    /// The runtime that it is polled in.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[track_caller]
    pub(crate) fn runtime(self) -> Handle {
        let Self { name, at } = self;
        let Ok(runtime) = Handle::try_current() else {
            panic!(
                "`{name}` at {at} needs a tokio runtime; call and await it in one, as under `#[tokio::main]` or in `Runtime::block_on`"
            );
        };
        runtime
    }
}

/// What in a pipeline cannot do without a timer.
#[derive(Debug)]
pub(crate) struct Needs {
    /// `None` for the source.
    pub(crate) stage: Option<StageInfo>,
    /// As "a `retry`".
    pub(crate) what: &'static str,
}

/// Whether a runtime has timers. There is no other way to ask than to make one: where there are none, tokio's panic is
/// caught here, and what it prints says the same as our error.
pub(crate) fn has_timers(runtime: &Handle) -> bool {
    let _context = runtime.enter();
    catch_unwind(|| drop(tokio::time::sleep(Duration::ZERO))).is_ok()
}

/// Lets some time pass, also in a runtime without timers: what nobody could foresee need not fail for want of one.
///
/// # Cancel safety
///
/// Cancel safe.
pub(crate) async fn rest(time: Duration) {
    let runtime = Handle::current();
    let timers = has_timers(&runtime);
    within(time, &runtime, timers, std::future::pending::<()>()).await;
}

/// The output of `future`, unless it takes longer. Where the runtime has no timers, a thread watches the time.
///
/// # Cancel safety
///
/// As cancel safe as `future`.
pub(crate) async fn within<F: Future>(
    after: Duration,
    runtime: &Handle,
    timers: bool,
    future: F,
) -> Option<F::Output> {
    let late = async {
        if timers {
            let sleep = {
                let _context = runtime.enter();
                tokio::time::sleep(after)
            };
            sleep.await;
        } else if let Some(alarm) = Alarm::after(after) {
            alarm.rings().await;
        }
    };
    match select(pin!(future), pin!(late)).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(_) => None,
    }
}

/// A thread that sleeps, until it is time or nobody waits for it.
struct Alarm {
    rung: Option<oneshot::Receiver<()>>,
    thread: thread::Thread,
}

impl Alarm {
    fn after(after: Duration) -> Option<Self> {
        let (ring, rung) = oneshot::channel::<()>();
        let started = Instant::now();
        let sleeper = move || {
            while !ring.is_closed()
                && let Some(left) = after.checked_sub(started.elapsed())
            {
                thread::park_timeout(left);
            }
        };
        let sleeper = thread::Builder::new()
            .name("deadline".to_owned())
            .spawn(sleeper);
        Some(Self {
            rung: Some(rung),
            thread: sleeper.ok()?.thread().clone(),
        })
    }

    async fn rings(mut self) {
        if let Some(rung) = &mut self.rung {
            // The other side is dropped when it is time.
            let _ = rung.await;
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        drop(self.rung.take());
        self.thread.unpark();
    }
}
