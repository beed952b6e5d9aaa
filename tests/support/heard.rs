//! What is logged.

use std::fmt::Debug;
use std::sync::{Arc, LazyLock, Mutex};

use tracing::field::Field;
use tracing::subscriber::DefaultGuard;
use tracing::{Dispatch, Event, Metadata, Subscriber, span};

/// Keeps what is logged, a line for each event.
#[derive(Clone, Default)]
pub(crate) struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    /// Hears what this thread logs, until the guard is dropped.
    pub(crate) fn here() -> (Self, DefaultGuard) {
        // With one subscriber only, whoever logs first decides for all threads whether anybody listens.
        static OTHER: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(Heard::default()));
        LazyLock::force(&OTHER);
        let heard = Self::default();
        let guard = tracing::subscriber::set_default(heard.clone());
        (heard, guard)
    }

    /// The lines with a text in them.
    pub(crate) fn lines(&self, text: &str) -> Vec<String> {
        let lines = self.0.lock().unwrap();
        let with = lines.iter().filter(|line| line.contains(text));
        with.cloned().collect()
    }
}

impl Subscriber for Heard {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = event.metadata().level().to_string();
        event.record(&mut |field: &Field, value: &dyn Debug| {
            line.extend([format!(" {field}={value:?}")]);
        });
        self.0.lock().unwrap().push(line);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}
