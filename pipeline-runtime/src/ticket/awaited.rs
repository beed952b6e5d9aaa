//! Who waits for an item itself, whatever becomes of its message.

use std::sync::Arc;

/// Waits for items until nothing is left of them: they are done, dropped on purpose, failed, or gone.
pub(crate) trait AwaitsEnd: Send + Sync {
    /// That is so of one more.
    fn ended(&self);
}

/// Held by all that is made of an item, beside its ticket: whoever waits for it is told when the last is let go.
///
/// A rider is told what becomes of the *message*: after its acknowledgement, and, of a failure, when that is decided,
/// which may be when the pipeline has ended. Who waits for the item to go on itself would wait for itself then.
#[derive(Clone, Default)]
pub(super) struct Awaited(Option<Arc<By>>);

#[expect(dead_code, reason = "they are let go with it")]
enum By {
    One(Told),
    /// Those of the items of a batch, or of one item that several wait for.
    Several(Vec<Awaited>),
}

struct Told(Arc<dyn AwaitsEnd>);

impl Drop for Told {
    fn drop(&mut self) {
        self.0.ended();
    }
}

impl Awaited {
    pub(super) fn by(awaits: Arc<dyn AwaitsEnd>) -> Self {
        Self(Some(Arc::new(By::One(Told(awaits)))))
    }

    pub(super) fn is_by_nobody(&self) -> bool {
        self.0.is_none()
    }

    /// By all of these.
    pub(super) fn all(awaited: impl IntoIterator<Item = Self>) -> Self {
        let awaited = awaited.into_iter();
        let mut all: Vec<_> = awaited.filter(|one| !one.is_by_nobody()).collect();
        match all.len() {
            0 | 1 => all.pop().unwrap_or_default(),
            _ => Self(Some(Arc::new(By::Several(all)))),
        }
    }
}
