//! Events of a broadcast at which a schedule fires.

use std::fmt;
use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream::BoxStream;
use pipeline_runtime::guard;

use crate::broadcast::{Broadcast, Subscription};

/// What the closure of [`Schedule::on`](super::Schedule::on) says of an event: `true` where it fires, or `Some` payload of the tick. It is sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say whether a schedule fires",
    note = "return a `bool`, or an `Option<String>`, the payload of the tick"
)]
pub trait Fires {
    /// Whether it fires, and with what.
    #[doc(hidden)]
    fn fires(self) -> Option<Option<String>>;
}

impl Fires for bool {
    fn fires(self) -> Option<Option<String>> {
        self.then_some(None)
    }
}

impl Fires for Option<String> {
    fn fires(self) -> Option<Option<String>> {
        self.map(Some)
    }
}

/// Payloads of ticks, as they come.
pub(crate) type Occasion = Option<String>;

/// Begins to listen for events that fire.
#[derive(Clone)]
pub(crate) struct Occasions(Arc<dyn Fn() -> BoxStream<'static, Occasion> + Send + Sync>);

impl fmt::Debug for Occasions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("events")
    }
}

impl Occasions {
    pub(super) fn new<E, R>(
        broadcast: &Broadcast<E>,
        fires: impl Fn(&E) -> R + Send + Sync + 'static,
    ) -> Self
    where
        E: Clone + Send + 'static,
        R: Fires,
    {
        let (broadcast, fires) = (broadcast.clone(), Arc::new(fires));
        Self(Arc::new(move || {
            // It is there as long as somebody listens.
            let (events, fires) = (broadcast.subscribe(), Arc::clone(&fires));
            let held = broadcast.clone();
            Box::pin(heard(events, move |event| {
                let _ = &held;
                asked(|| fires(event).fires())
            }))
        }))
    }

    /// All from now on.
    pub(crate) fn listen(&self) -> BoxStream<'static, Occasion> {
        (self.0)()
    }
}

fn heard<E: Send + 'static>(
    events: Subscription<E>,
    fires: impl Fn(&E) -> Option<Occasion> + Send + 'static,
) -> impl futures::Stream<Item = Occasion> + Send {
    events.filter_map(move |heard| {
        let fired = match heard {
            Ok(event) => fires(&event),
            // One of those that were missed may have been meant.
            Err(_gap) => Some(None),
        };
        std::future::ready(fired)
    })
}

/// What somebody's closure says; if it panics, nothing.
fn asked(ask: impl FnOnce() -> Option<Occasion>) -> Option<Occasion> {
    guard::call(ask).unwrap_or_else(|panicked| {
        tracing::warn!(%panicked, "whether an event fires a schedule cannot be told; it does not");
        None
    })
}
