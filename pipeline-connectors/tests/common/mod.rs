//! What the tests share.

#![allow(dead_code, reason = "not every test uses all of it")]

use std::time::{Duration, Instant};

use pipeline_runtime::Origin;
use pipeline_runtime::source::{Flow, Pulled, Source, SourceError};

/// A copy of what a test wants to know of a failure.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) place: Origin,
    pub(crate) message: String,
    pub(crate) line: Option<pipeline_connectors::source::LineError>,
    #[cfg(feature = "_reader")]
    pub(crate) read: Option<pipeline_connectors::source::ReadErrorKind>,
}

impl From<&SourceError> for Failed {
    fn from(failure: &SourceError) -> Self {
        Self {
            place: failure.origin().cloned().expect("a failure has a place"),
            message: failure.to_string(),
            line: failure.error().downcast_ref().cloned(),
            #[cfg(feature = "_reader")]
            read: failure
                .error()
                .downcast_ref::<pipeline_connectors::source::ReadError>()
                .map(|error| error.kind.clone()),
        }
    }
}

/// Pulls everything; each pull's items leave the first stage before the next.
pub(crate) async fn drain_all<S: Source>(mut source: S) -> (Vec<S::Item>, Vec<Failed>) {
    let (mut items, mut failures) = (Vec::new(), Vec::new());
    loop {
        let mut out = Pulled::new();
        let flow = source.pull(100, &mut out).await.unwrap();
        items.extend(out.take_items());
        failures.extend(out.failures().iter().map(Failed::from));
        if flow == Flow::End {
            return (items, failures);
        }
    }
}

/// Waits for a condition; fails after ten seconds.
pub(crate) async fn eventually(mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "it did not happen in time");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// `name 0`, `name 1`, … on a line each.
pub(crate) fn numbered(name: &str, count: usize) -> String {
    let lines: Vec<_> = (0..count).map(|n| format!("{name} {n}\n")).collect();
    lines.concat()
}
