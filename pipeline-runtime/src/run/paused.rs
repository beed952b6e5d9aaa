//! Tokio's paused clock runs ahead whenever all its tasks wait, and knows no thread but those of its blocking pool. While
//! a thread of ours has something to do, a task of that pool holds the clock.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use tokio::runtime::{Handle, RuntimeFlavor};

/// A clock that stands still for so long is paused: to read it takes some nanoseconds.
const STILL: Duration = Duration::from_micros(100);

/// For how long in real time one piece of work holds the clock, where nothing else is said.
const HELD_AT_MOST: Duration = Duration::from_secs(5);

/// For how long where nothing may come at all.
const A_MOMENT: Duration = Duration::from_millis(100);

/// A clock that is paused.
#[derive(Debug, Clone)]
pub(crate) struct Clock(Handle);

impl Clock {
    /// The clock of a runtime, if it is paused now. Only those of one thread can be.
    pub(crate) fn paused(runtime: &Handle) -> Option<Self> {
        if runtime.runtime_flavor() != RuntimeFlavor::CurrentThread {
            return None;
        }
        let _context = runtime.enter();
        let (still, started) = (tokio::time::Instant::now(), Instant::now());
        while tokio::time::Instant::now() == still {
            if started.elapsed() > STILL {
                return Some(Self(runtime.clone()));
            }
        }
        None
    }

    /// Holds it for at most so long in real time.
    fn hold(&self, who: &Arc<str>, limit: Limit) -> Hold {
        let (release, released) = sync_channel::<()>(0);
        let touched = Arc::new(Mutex::new(Instant::now()));
        let (since, who) = (Arc::clone(&touched), Arc::clone(who));
        self.0.spawn_blocking(move || {
            let mut wait = limit.time();
            while let Err(RecvTimeoutError::Timeout) = released.recv_timeout(wait) {
                let passed = lock(&since).elapsed();
                if passed >= limit.time() {
                    limit.tell(&who);
                    return;
                }
                wait = limit.time().saturating_sub(passed);
            }
        });
        Hold {
            _release: release,
            touched,
        }
    }
}

/// For how long in real time the clock is held.
#[derive(Debug, Clone, Copy)]
enum Limit {
    /// Then a call has timed out.
    Timeout(Duration),
    /// Then something is not as it should be.
    Patience,
}

impl Limit {
    fn time(self) -> Duration {
        match self {
            Self::Timeout(after) => after,
            Self::Patience => HELD_AT_MOST,
        }
    }

    fn tell(self, who: &str) {
        if let Self::Patience = self {
            tracing::warn!(
                who,
                "has been busy for {HELD_AT_MOST:?} of real time: the paused clock goes on without it"
            );
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Holds a clock until it is dropped.
struct Hold {
    _release: SyncSender<()>,
    touched: Arc<Mutex<Instant>>,
}

/// A thread that holds the clock from the moment it is woken until it waits again.
pub(crate) struct Parker {
    clock: Clock,
    who: Arc<str>,
    limit: Limit,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    thread: Option<Thread>,
    hold: Option<Hold>,
    woken: bool,
    /// Nobody wants to know any more what the thread does.
    over: bool,
}

impl Parker {
    /// For a thread that is about to start, and has something to do from now on.
    pub(crate) fn new(clock: Clock, who: &str, timeout: Option<Duration>) -> Arc<Self> {
        let parker = Self {
            clock,
            who: who.into(),
            limit: timeout.map_or(Limit::Patience, Limit::Timeout),
            state: Mutex::default(),
        };
        parker.take(&mut lock(&parker.state));
        Arc::new(parker)
    }

    fn take(&self, state: &mut State) {
        if state.hold.is_none() && !state.over {
            state.hold = Some(self.clock.hold(&self.who, self.limit));
        }
    }

    /// A new piece of work begins: it has as much time as the one before.
    pub(crate) fn touch(&self) {
        let mut state = lock(&self.state);
        if let Some(hold) = &state.hold {
            let mut touched = lock(&hold.touched);
            if touched.elapsed() < self.limit.time() {
                *touched = Instant::now();
                return;
            }
        }
        state.hold = None;
        self.take(&mut state);
    }

    /// The clock is held no more, whatever the thread does.
    pub(crate) fn let_go(&self) {
        let mut state = lock(&self.state);
        state.over = true;
        state.hold = None;
    }

    /// Polls `future` to its end and parks the thread meanwhile. The clock is held until whoever waits for the end of the
    /// thread has been told, and lets go.
    pub(crate) fn block_on<F: Future>(self: &Arc<Self>, future: F) -> F::Output {
        let mut future = pin!(future);
        let waker = Waker::from(Arc::clone(self));
        let mut cx = Context::from_waker(&waker);
        lock(&self.state).thread = Some(thread::current());
        loop {
            {
                let mut state = lock(&self.state);
                state.woken = false;
                self.take(&mut state);
            }
            self.touch();
            if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
                return output;
            }
            let mut state = lock(&self.state);
            if !state.woken {
                state.hold = None;
            }
            drop(state);
            thread::park();
        }
    }
}

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut state = lock(&self.state);
        state.woken = true;
        self.take(&mut state);
        let thread = state.thread.clone();
        drop(state);
        if let Some(thread) = thread {
            thread.unpark();
        }
    }
}

/// Lets go when it is dropped.
pub(crate) struct LetGo(pub(crate) Option<Arc<Parker>>);

impl Drop for LetGo {
    fn drop(&mut self) {
        self.0.iter().for_each(|parker| parker.let_go());
    }
}

/// A thread that panics holds nothing.
impl Drop for Parker {
    fn drop(&mut self) {
        self.let_go();
    }
}

impl fmt::Debug for Parker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parker({})", self.who)
    }
}

/// What a thread of a connector's own answers: a paused clock is held while it is waited for.
///
/// # Cancel safety
///
/// As cancel safe as `future`.
pub async fn held<F: Future>(who: &'static str, future: F) -> F::Output {
    holding(who, Limit::Patience, future).await
}

/// What such a thread gives when there is something, which may be never: a paused clock is held for a moment, so that what
/// is there comes before time goes on.
///
/// # Cancel safety
///
/// As cancel safe as `future`.
pub async fn held_briefly<F: Future>(who: &'static str, future: F) -> F::Output {
    holding(who, Limit::Timeout(A_MOMENT), future).await
}

async fn holding<F: Future>(who: &str, limit: Limit, future: F) -> F::Output {
    let mut future = pin!(future);
    let (mut asked, mut hold) = (false, None);
    let output = poll_fn(|cx| {
        let output = future.as_mut().poll(cx);
        if output.is_pending() && !std::mem::replace(&mut asked, true) {
            let runtime = Handle::try_current().ok();
            let clock = runtime.and_then(|runtime| Clock::paused(&runtime));
            hold = clock.map(|clock| clock.hold(&who.into(), limit));
        }
        output
    })
    .await;
    drop(hold);
    output
}
