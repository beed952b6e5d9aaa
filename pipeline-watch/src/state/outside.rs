//! What is asked of queues and of stores of letters, which may take their time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pipeline_runtime::Name;
use pipeline_runtime::queue::{Pause, QueueStats};
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::json;
use crate::watched::{Look, Watched};

/// A look at one of them is given up after so long.
const PATIENCE: Duration = Duration::from_secs(5);

/// One sample waits for looks no longer than this; what comes later is in the next one.
const MOMENT: Duration = Duration::from_millis(300);

/// The last that was heard.
pub(crate) struct Heard<T> {
    pub(crate) name: Name,
    said: Mutex<Option<Result<T, String>>>,
    is_asked: AtomicBool,
}

impl<T: Clone + Send + 'static> Heard<T> {
    fn of(name: &Name) -> Arc<Self> {
        Arc::new(Self {
            name: name.clone(),
            said: Mutex::new(None),
            is_asked: AtomicBool::new(false),
        })
    }

    pub(crate) fn said(&self) -> Option<Result<T, String>> {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.clone()
    }

    /// Asks in the program's own runtime, which may be what its connections live in.
    fn ask(
        self: &Arc<Self>,
        look: impl FnOnce() -> Look<T>,
        outer: &Handle,
    ) -> Option<tokio::task::JoinHandle<()>> {
        // Relaxed: a flag that nothing else is read by. One look at a time.
        if self.is_asked.swap(true, Ordering::Relaxed) {
            return None;
        }
        let (heard, look) = (Arc::clone(self), look());
        Some(outer.spawn(async move {
            let asked = Asked(&heard.is_asked);
            let said = timeout(PATIENCE, look).await;
            let said = said.unwrap_or_else(|_| Err("no answer in 5 s".to_owned()));
            *heard.said.lock().unwrap_or_else(PoisonError::into_inner) = Some(said);
            drop(asked);
        }))
    }
}

/// A look that is under way, also where it panics.
struct Asked<'a>(&'a AtomicBool);

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// All that was heard.
pub(crate) struct Outside {
    outer: Handle,
    pub(crate) queues: Vec<Arc<Heard<QueueStats>>>,
    pub(crate) letters: Vec<Arc<Heard<u64>>>,
}

impl Outside {
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[track_caller]
    pub(crate) fn of(watched: &Watched) -> Self {
        Self {
            outer: Handle::current(),
            queues: watched
                .queues
                .iter()
                .map(|(name, _)| Heard::of(name))
                .collect(),
            letters: watched
                .letters
                .iter()
                .map(|(name, _)| Heard::of(name))
                .collect(),
        }
    }

    /// Asks all of them, and waits a moment for what they say.
    pub(crate) async fn ask(&self, watched: &Watched) {
        let queues = self.queues.iter().zip(&watched.queues);
        let queues = queues.filter_map(|(heard, (_, ask))| heard.ask(ask, &self.outer));
        let letters = self.letters.iter().zip(&watched.letters);
        let letters = letters.filter_map(|(heard, (_, ask))| heard.ask(ask, &self.outer));
        let looks: Vec<_> = queues.chain(letters).collect();
        if !looks.is_empty() {
            let _ = timeout(MOMENT, futures::future::join_all(looks)).await;
        }
    }

    pub(crate) fn queues(&self) -> Vec<json::Queue> {
        self.queues.iter().map(|heard| queue(heard)).collect()
    }

    pub(crate) fn letters(&self) -> Vec<json::Letters> {
        let letters = self.letters.iter().map(|heard| {
            let (count, error) = told(heard.said());
            json::Letters {
                name: heard.name.to_string(),
                error,
                count,
            }
        });
        letters.collect()
    }
}

fn told<T: Default>(said: Option<Result<T, String>>) -> (T, Option<String>) {
    match said {
        Some(Ok(said)) => (said, None),
        Some(Err(error)) => (T::default(), Some(error)),
        None => (T::default(), Some("no answer yet".to_owned())),
    }
}

fn queue(heard: &Heard<QueueStats>) -> json::Queue {
    let (stats, error) = told(heard.said());
    json::Queue {
        name: heard.name.to_string(),
        error,
        ready: stats.ready,
        delayed: stats.delayed,
        taken: stats.taken,
        behind: stats.behind,
        oldest: stats.oldest.map(|oldest| oldest.as_secs_f64()),
        expired: stats.expired,
        is_paused: matches!(stats.paused, Some(Pause::For(_) | Pause::UntilResumed)),
    }
}
