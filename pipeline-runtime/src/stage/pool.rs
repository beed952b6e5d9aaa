//! Workers on the blocking pool of the tokio runtime.

use std::future::poll_fn;
use std::task::{Context, Poll, Waker};

/// A worker in the blocking pool.
pub(super) trait Pooled: Send {
    /// Waits until there is something to do.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// Does it; whether there may be more to do.
    fn work(&mut self) -> bool;
}

/// Waits in a task and works on the blocking pool, whose slot it gives back when idle.
pub(super) async fn run_in_pool(mut worker: Box<dyn Pooled>) {
    loop {
        poll_fn(|cx| worker.poll_ready(cx)).await;
        let worked = tokio::task::spawn_blocking(move || {
            let mut cx = Context::from_waker(Waker::noop());
            while worker.work() {
                if worker.poll_ready(&mut cx).is_pending() {
                    return Some(worker);
                }
            }
            None
        });
        match worked.await {
            Ok(Some(idle)) => worker = idle,
            // A panic, or the end of the runtime, has dropped the worker, which has stopped the pipeline.
            Ok(None) | Err(_) => return,
        }
    }
}
