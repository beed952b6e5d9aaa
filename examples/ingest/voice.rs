//! What is said to a person. Nothing waits for it.
//!
//! A terminal may be stopped, a pipe full or closed. So a thread of its own writes; what it has no room for is dropped
//! and counted, and what cannot be written is counted too.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use indicatif::ProgressBar;

/// How much may wait to be written.
const WAITING: usize = 4_096;

/// How long the end of the program waits for a reader that takes nothing.
const PATIENCE: Duration = Duration::from_secs(2);

type Job = Box<dyn FnOnce(&ProgressBar) -> io::Result<()> + Send>;

/// Standard output, standard error and the bar that is drawn on it. Clones are the same.
#[derive(Clone)]
pub struct Voice {
    jobs: SyncSender<Job>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    written: AtomicU64,
    lost: AtomicU64,
}

impl Voice {
    pub fn new() -> Self {
        let (jobs, queue) = sync_channel(WAITING);
        let counts = Arc::<Counts>::default();
        let theirs = Arc::clone(&counts);
        // Without it nothing is said, and the work goes on.
        let _ = thread::Builder::new()
            .name("voice".into())
            .spawn(move || write_all(&queue, &theirs));
        Self { jobs, counts }
    }

    /// A line on standard error, above the bar.
    pub fn say(&self, line: impl Into<String>) {
        let line = line.into() + "\n";
        self.count(self.send(move |bar| bar.suspend(|| write(io::stderr(), &line))));
    }

    /// A text on standard output.
    pub fn print(&self, text: impl Into<String>) {
        let text = text.into() + "\n";
        self.count(self.send(move |bar| bar.suspend(|| write(io::stdout(), &text))));
    }

    /// Changes the bar. If there is no room for it, the next change is as good.
    pub fn draw(&self, change: impl FnOnce(&ProgressBar) + Send + 'static) {
        self.send(|bar| {
            change(bar);
            Ok(())
        });
    }

    /// How much was not said.
    pub fn lost(&self) -> u64 {
        self.counts.lost.load(Relaxed)
    }

    /// Waits until all is written, as long as somebody reads it.
    pub fn finish(self) {
        let (done, is_done) = sync_channel(1);
        let mut before = self.written();
        while !self.send({
            let done = done.clone();
            move |_| done.send(()).map_err(io::Error::other)
        }) {
            thread::sleep(PATIENCE);
            if std::mem::replace(&mut before, self.written()) == self.written() {
                return;
            }
        }
        while is_done.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            if std::mem::replace(&mut before, self.written()) == self.written() {
                return;
            }
        }
    }

    fn written(&self) -> u64 {
        self.counts.written.load(Relaxed)
    }

    /// Whether there was room for it.
    fn send(&self, job: impl FnOnce(&ProgressBar) -> io::Result<()> + Send + 'static) -> bool {
        self.jobs.try_send(Box::new(job)).is_ok()
    }

    fn count(&self, sent: bool) {
        if !sent {
            self.counts.lost.fetch_add(1, Relaxed);
        }
    }
}

fn write_all(queue: &Receiver<Job>, counts: &Counts) {
    let bar = ProgressBar::new_spinner();
    while let Ok(job) = queue.recv() {
        if job(&bar).is_err() {
            counts.lost.fetch_add(1, Relaxed);
        }
        // Counters that nothing else hangs on.
        counts.written.fetch_add(1, Relaxed);
    }
}

fn write(mut out: impl Write, text: &str) -> io::Result<()> {
    out.write_all(text.as_bytes())?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn what_there_is_no_room_for_is_dropped_and_counted() {
        let voice = Voice::new();
        let (go_on, gate) = channel::<()>();
        let (begun, has_begun) = channel();
        voice.draw(move |_| {
            begun.send(()).unwrap();
            let _ = gate.recv();
        });
        // From now on the thread is stuck, as in a write to a full pipe.
        has_begun.recv().unwrap();
        for _ in 0..WAITING + 3 {
            voice.count(voice.send(|_| Ok(())));
        }
        assert_eq!(voice.lost(), 3);
        go_on.send(()).unwrap();
        voice.finish();
    }

    #[test]
    fn what_cannot_be_written_is_counted() {
        let voice = Voice::new();
        voice.send(|_| Err(io::ErrorKind::BrokenPipe.into()));
        let counts = Arc::clone(&voice.counts);
        voice.finish();
        assert_eq!(counts.lost.load(Relaxed), 1);
    }
}
