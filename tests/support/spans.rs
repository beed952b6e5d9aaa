//! Who works on what: the spans that are entered.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Metadata, Subscriber, span};

/// Keeps the spans of deliveries, and within which of them something was said.
#[derive(Clone, Default)]
pub(crate) struct Spans(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    made: u64,
    /// What is open, with its fields, and how often.
    open: HashMap<u64, (String, usize)>,
    entered: Vec<u64>,
    /// What was said, and the fields of the delivery within which it was.
    said: Vec<(String, Option<String>)>,
}

impl Spans {
    /// Sees those of this thread, until the guard is dropped.
    pub(crate) fn here() -> (Self, DefaultGuard) {
        let spans = Self::default();
        let guard = tracing::subscriber::set_default(spans.clone());
        (spans, guard)
    }

    /// What was said, and the fields of the delivery within which it was.
    pub(crate) fn said(&self) -> Vec<(String, Option<String>)> {
        self.0.lock().unwrap().said.clone()
    }

    /// How many deliveries have a span that is not closed.
    pub(crate) fn open(&self) -> usize {
        self.0.lock().unwrap().open.len()
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.extend([format!(" {field}={value:?}")]);
    }
}

impl Subscriber for Spans {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "brigade" || metadata.target() == "said"
    }

    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        let mut line = Line(span.metadata().name().to_owned());
        span.record(&mut line);
        let mut state = self.0.lock().unwrap();
        state.made += 1;
        let id = state.made;
        state.open.insert(id, (line.0, 1));
        span::Id::from_u64(id)
    }

    fn clone_span(&self, id: &span::Id) -> span::Id {
        if let Some((_, count)) = self.0.lock().unwrap().open.get_mut(&id.into_u64()) {
            *count += 1;
        }
        id.clone()
    }

    fn try_close(&self, id: span::Id) -> bool {
        let mut state = self.0.lock().unwrap();
        let Some((_, count)) = state.open.get_mut(&id.into_u64()) else {
            return false;
        };
        *count -= 1;
        let is_last = *count == 0;
        if is_last {
            state.open.remove(&id.into_u64());
        }
        is_last
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        let mut state = self.0.lock().unwrap();
        let within = state.entered.last().and_then(|id| state.open.get(id));
        let within = within.map(|(line, _)| line.clone());
        state.said.push((line.0, within));
    }

    fn enter(&self, id: &span::Id) {
        self.0.lock().unwrap().entered.push(id.into_u64());
    }

    fn exit(&self, id: &span::Id) {
        assert_eq!(self.0.lock().unwrap().entered.pop(), Some(id.into_u64()));
    }
}
