//! Places that are away: for a number of calls, or until they are told to come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use brigade::Name;
use brigade::queue::{DeadLetter, DeadLetters, DeadLettersError};
use brigade::sink::{Sink, SinkError, Written};

/// For how many calls more a place is away, and how many it has refused so.
#[derive(Debug, Clone, Default)]
pub(crate) struct Absence(Arc<(AtomicUsize, AtomicUsize)>);

impl Absence {
    pub(crate) fn of(calls: usize) -> Self {
        let absence = Self::default();
        absence.0.0.store(calls, Ordering::SeqCst);
        absence
    }

    /// Until [`Absence::ends`].
    pub(crate) fn begun() -> Self {
        Self::of(usize::MAX)
    }

    pub(crate) fn ends(&self) {
        self.0.0.store(0, Ordering::SeqCst);
    }

    /// How many calls found nobody.
    pub(crate) fn refused(&self) -> usize {
        self.0.1.load(Ordering::SeqCst)
    }

    /// Whether the place is away for this call.
    fn holds(&self) -> bool {
        let left = |left: usize| left.checked_sub(1);
        let order = Ordering::SeqCst;
        let away = self.0.0.fetch_update(order, order, left).is_ok();
        self.0.1.fetch_add(usize::from(away), order);
        away
    }
}

/// What of a write comes back from a sink that is away.
#[derive(Debug, Clone, Copy)]
#[allow(
    dead_code,
    reason = "not every test that shares this file uses all of it"
)]
pub(crate) enum Back {
    All,
    /// All but the first, which is written.
    AllButOne,
    Nothing,
}

/// A sink, an errors end or a store of letters that is away now and then.
#[derive(Debug, Clone)]
pub(crate) struct Remote<S> {
    pub(crate) inner: S,
    pub(crate) absence: Absence,
    pub(crate) back: Back,
    /// How many flushes find nobody.
    pub(crate) flushes: Absence,
}

impl<S> Remote<S> {
    pub(crate) fn new(inner: S, absence: &Absence) -> Self {
        Self {
            inner,
            absence: absence.clone(),
            back: Back::All,
            flushes: Absence::default(),
        }
    }
}

impl<T: Send + 'static, S: Sink<T>> Sink<T> for Remote<S> {
    async fn write(&self, mut items: Vec<T>) -> Result<Written, SinkError<T>> {
        if !self.absence.holds() {
            return self.inner.write(items).await;
        }
        let error = SinkError::away("no route");
        match self.back {
            Back::All => Err(error.with_items(items)),
            Back::Nothing => Err(error),
            Back::AllButOne if items.len() == 1 => Err(error.with_items(items)),
            Back::AllButOne => {
                let left = items.split_off(1);
                let written = self.inner.write(items).await?;
                Err(error.with_written(written).with_items(left))
            }
        }
    }

    async fn flush(&self) -> Result<(), SinkError<T>> {
        if self.flushes.holds() {
            return Err(SinkError::away("no route"));
        }
        self.inner.flush().await
    }

    fn name(&self) -> Name {
        "remote".into()
    }
}

impl<D: DeadLetters> DeadLetters for Remote<D> {
    fn name(&self) -> Name {
        "remote".into()
    }

    async fn write(&self, letters: Vec<DeadLetter>) -> Result<(), DeadLettersError> {
        if self.absence.holds() {
            return Err(DeadLettersError::away("no route"));
        }
        self.inner.write(letters).await
    }
}
