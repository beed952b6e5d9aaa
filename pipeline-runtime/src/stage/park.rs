//! Runs a future on a thread that may block.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use crate::run::paused::Parker;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

/// Polls `future` to its end and parks the thread meanwhile. Unlike the ready-made ones it may be nested, so that a
/// user's function that blocks on a future of its own can be called from here.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut cx = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut cx) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// The same on a thread that holds a paused clock while it works.
pub(crate) fn block_on_in<F: Future>(parker: Option<&Arc<Parker>>, future: F) -> F::Output {
    match parker {
        Some(parker) => parker.block_on(future),
        None => block_on(future),
    }
}
