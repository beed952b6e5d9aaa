//! The delivery that the work on an item is for: its span, and the trace that it belongs to.

use std::fmt;
use std::sync::Arc;

use tracing::level_filters::LevelFilter;

use super::{Attributes, Of, Original, Ticket};

/// The work on one item is done within it.
pub trait Scope: Send + 'static {
    /// Does a piece of it.
    fn within<R>(&self, work: impl FnOnce() -> R) -> R;
}

/// Of what comes from no queue.
impl Scope for () {
    #[inline]
    fn within<R>(&self, work: impl FnOnce() -> R) -> R {
        work()
    }
}

/// The delivery whose span is entered, if anybody listens.
pub struct OfDelivery(Option<Arc<dyn Original>>);

impl fmt::Debug for OfDelivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.0.as_ref().map(|original| original.id());
        f.debug_tuple("OfDelivery").field(&id).finish()
    }
}

impl Scope for OfDelivery {
    #[inline]
    fn within<R>(&self, work: impl FnOnce() -> R) -> R {
        let _entered = self.0.as_ref().map(|original| original.span().enter());
        work()
    }
}

impl OfDelivery {
    #[inline]
    pub(super) fn of(ticket: &Ticket) -> Self {
        if LevelFilter::current() < LevelFilter::INFO {
            return Self(None);
        }
        Self::listened_to(ticket)
    }

    #[cold]
    fn listened_to(ticket: &Ticket) -> Self {
        let spanned = |original: &Arc<dyn Original>| {
            let is_heard = !original.span().is_none();
            is_heard.then(|| Arc::clone(original))
        };
        Self(ticket.first(&spanned))
    }
}

impl Ticket {
    /// What says in which trace the item is: the attributes of its message; of several, of the first that is in one.
    pub(super) fn trace(&self) -> Option<&Attributes> {
        self.first(&|original| {
            let attributes = original.attributes();
            attributes.traceparent().map(|_| attributes)
        })
    }

    /// What is found at the first of its messages that has it.
    fn first<'a, R>(&'a self, find: &dyn Fn(&'a Arc<dyn Original>) -> Option<R>) -> Option<R> {
        let entry = self.entry.as_ref()?;
        match &entry.of {
            Of::Delivery(lease) => find(&lease.original),
            of => of.tickets().iter().find_map(|ticket| ticket.first(find)),
        }
    }
}
