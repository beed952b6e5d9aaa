//! Messages that are delivered too often.

use std::fmt;
use std::sync::Arc;

use super::dead_letters::{DeadLetter, DeadLetters, DeadLettersError};
use super::keeper::Suspicion;
use super::{Body, Delivery};
use crate::bounds::BoxFuture;
use crate::name::Name;
use crate::run::patience::Patience;
use crate::source::SourceError;
use crate::ticket::{Carried, Fate, Ticket};

/// When a message is poison, and where it goes.
#[derive(Clone)]
pub(super) enum Poison {
    Never,
    After(u32, Arc<dyn Letters>),
}

/// [`DeadLetters`] without their type.
pub(super) trait Letters: Send + Sync {
    fn name(&self) -> Name;
    fn write(&self, letters: Vec<DeadLetter>) -> BoxFuture<'_, Result<(), DeadLettersError>>;
}

impl<D: DeadLetters> Letters for D {
    fn name(&self) -> Name {
        DeadLetters::name(self)
    }

    fn write(&self, letters: Vec<DeadLetter>) -> BoxFuture<'_, Result<(), DeadLettersError>> {
        Box::pin(DeadLetters::write(self, letters))
    }
}

impl fmt::Debug for Poison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => f.write_str("Never"),
            Self::After(limit, letters) => write!(f, "After({limit}, {})", letters.name()),
        }
    }
}

impl Poison {
    pub(super) fn after(limit: u32, letters: impl DeadLetters) -> Self {
        Self::After(limit, Arc::new(letters))
    }

    /// Whether it thinks anything of messages.
    pub(super) fn suspects(&self) -> bool {
        matches!(self, Self::After(..))
    }

    /// What is to be thought of a message.
    pub(super) fn suspicion<B>(&self, delivery: &Delivery<B>) -> Suspicion {
        match self {
            Self::Never => Suspicion::None,
            Self::After(..) if delivery.receive_count() <= 1 => Suspicion::None,
            Self::After(limit, _) if delivery.begun() >= limit.div_ceil(2) => Suspicion::Strong,
            Self::After(..) => Suspicion::Some,
        }
    }

    /// Writes letters of those that are delivered too often; what is left.
    pub(super) async fn sort_out<B: Body>(
        &self,
        items: Vec<Carried<Delivery<B>, Ticket>>,
    ) -> Result<Vec<Carried<Delivery<B>, Ticket>>, SourceError> {
        let Self::After(limit, letters) = self else {
            return Ok(items);
        };
        let (poisoned, items): (Vec<_>, Vec<_>) = items
            .into_iter()
            .partition(|carried| carried.item.begun() >= *limit);
        if poisoned.is_empty() {
            return Ok(items);
        }
        let healthy = Unbegun(items);
        let place = format!("dead letters `{}`", letters.name());
        let patience = Patience::new(place);
        let mut asking = patience.asking();
        loop {
            let letter = |carried: &Carried<Delivery<B>, _>| {
                DeadLetter::poisoned(&*carried.item.original(), *limit)
            };
            let dead = poisoned.iter().map(letter).collect();
            match letters.write(dead).await {
                Ok(()) => break asking.answered(),
                Err(error) if error.is_away() && asking.pause(&error, true).await => {}
                Err(error) => {
                    let place = patience.place();
                    return Err(SourceError::new(format!("{place}: {error}")));
                }
            }
        }
        for Carried { item, ticket } in poisoned {
            tracing::warn!(id = %item.id(), count = item.receive_count(), "delivered too often; a dead letter is written");
            ticket.resolve(Fate::Dead);
        }
        Ok(healthy.take())
    }
}

/// Messages that no worker has seen yet; they are given back as such.
struct Unbegun<B>(Vec<Carried<Delivery<B>, Ticket>>);

impl<B> Unbegun<B> {
    fn take(mut self) -> Vec<Carried<Delivery<B>, Ticket>> {
        std::mem::take(&mut self.0)
    }
}

impl<B> Drop for Unbegun<B> {
    fn drop(&mut self) {
        for Carried { ticket, .. } in self.0.drain(..) {
            ticket.resolve(Fate::Unbegun);
        }
    }
}
