//! Code that is not brigade's: what panics in it ends nothing but the item it was called for.
//!
//! Every call into such code goes through here: functions, futures, `Display`, `Error::source`, and the `Drop` of items, of
//! futures, of errors and of what a panic carries. What cannot be helped: two panics in one drop (of two elements of a
//! `Vec` in an item, say) abort the process, and so does any panic where the program is built with `panic = "abort"`.

use std::any::Any;
use std::error::Error;
use std::fmt::{self, Write as _};
use std::future::{Future, poll_fn};
use std::mem::needs_drop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;

/// What a panic said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Panicked(String);

impl Panicked {
    /// Of what the panic carries.
    #[cold]
    pub(crate) fn with(payload: Box<dyn Any + Send>) -> Self {
        let payload = match payload.downcast::<String>() {
            Ok(message) => return Self(*message),
            Err(payload) => payload,
        };
        if let Some(message) = payload.downcast_ref::<&'static str>() {
            return Self((*message).to_owned());
        }
        let_go_of_payload(payload);
        Self("a value that is no message".to_owned())
    }

    /// The message.
    #[must_use]
    pub fn into_message(self) -> String {
        self.0
    }
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "panicked: {}", self.0)
    }
}

impl Error for Panicked {}

/// Its drop may panic with something whose drop panics, and so on: that must end somewhere.
#[cold]
fn let_go_of_payload(mut payload: Box<dyn Any + Send>) {
    for _ in 0..4 {
        match catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            Ok(()) => return,
            Err(next) => payload = next,
        }
    }
    Box::leak(payload);
}

/// Calls `f`.
///
/// # Errors
///
/// It panicked.
#[inline]
pub fn call<R>(f: impl FnOnce() -> R) -> Result<R, Panicked> {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(value) => Ok(value),
        Err(payload) => Err(Panicked::with(payload)),
    }
}

/// Runs `future`, and drops it.
///
/// # Errors
///
/// It panicked.
///
/// # Cancel safety
///
/// As cancel safe as `future`, whose drop is not guarded then.
pub async fn run<F: Future>(future: F) -> Result<F::Output, Panicked> {
    let mut running = pin!(Some(future));
    let output = poll_fn(|cx| {
        let polled = call(|| running.as_mut().as_pin_mut().map(|future| future.poll(cx)));
        match polled {
            Ok(Some(polled)) => polled.map(Ok),
            Ok(None) => unreachable!("it is polled until it is ready"),
            Err(panicked) => std::task::Poll::Ready(Err(panicked)),
        }
    })
    .await;
    let dropped = if needs_drop::<F>() {
        call(|| running.set(None))
    } else {
        Ok(())
    };
    match (output, dropped) {
        (Ok(output), Err(panicked)) => {
            let_go_of([output]);
            Err(panicked)
        }
        (output, _) => output,
    }
}

/// Drops `value`.
///
/// # Errors
///
/// Its drop panicked.
#[inline]
pub fn let_go<T>(value: T) -> Result<(), Panicked> {
    if needs_drop::<T>() {
        call(|| drop(value))
    } else {
        Ok(())
    }
}

/// Drops values that nobody can be told of, one by one: two that panic in one drop of a `Vec` would abort the process.
#[inline]
pub fn let_go_of<T>(values: impl IntoIterator<Item = T>) {
    if needs_drop::<T>() {
        for value in values {
            if let Err(panicked) = call(|| drop(value)) {
                told(&panicked);
            }
        }
    }
}

#[cold]
fn told(panicked: &Panicked) {
    tracing::warn!(
        message = panicked.0,
        "a value that was not needed any more panicked when it was dropped"
    );
}

/// What `shown` says, however its `Display` behaves.
#[must_use]
pub fn text(shown: &dyn fmt::Display) -> String {
    let mut text = String::new();
    let problem = match call(|| write!(text, "{shown}")) {
        Ok(Ok(())) => return text,
        Ok(Err(_)) => "its `Display` failed".to_owned(),
        Err(panicked) => format!("its `Display` {panicked}"),
    };
    let between = if text.is_empty() { "" } else { " " };
    text + between + "(" + &problem + ")"
}

/// The error behind `error`, as far as it can be asked.
#[must_use]
pub fn source<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    call(|| error.source()).unwrap_or_default()
}

/// Shows what is inside, whatever its `Display` does.
pub(crate) struct Shown<'a>(pub(crate) &'a dyn fmt::Display);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text(self.0))
    }
}

#[cfg(test)]
mod tests;
