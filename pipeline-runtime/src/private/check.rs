//! Checks whose failure rustc reports on the user's token.
//!
//! Each is a trait with a parameter for its result, called as `Trait::<_>::method(value)`: a bound of a function would
//! add lines to the message, an associated type would add errors.

use std::future::IntoFuture;

use super::call::Raised;
use crate::retry::Retry;

/// What an `:async` stage's function returns.
#[diagnostic::on_unimplemented(
    message = "an `:async` stage needs a function that returns a future, this one returns `{Self}`",
    label = "not async; use `:block` here, or no directive"
)]
pub trait Awaitable<F> {
    /// The future.
    fn future(self) -> F;
}

#[diagnostic::do_not_recommend]
impl<T: IntoFuture> Awaitable<T::IntoFuture> for T {
    #[inline]
    fn future(self) -> T::IntoFuture {
        self.into_future()
    }
}

/// What the function of a stage with `?` returns.
#[diagnostic::on_unimplemented(
    message = "`?` needs a function that returns a `Result`, this one returns `{Self}`",
    label = "no `Result`",
    note = "remove the `?`, or return a `Result`"
)]
pub trait Fallible<T, E> {
    /// The result.
    fn result(self) -> Result<T, E>;
}

#[diagnostic::do_not_recommend]
impl<T, E> Fallible<T, E> for Result<T, E> {
    #[inline]
    fn result(self) -> Self {
        self
    }
}

/// What the error of a stage with `?` can be.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the cause of a failure",
    label = "this error",
    note = "a cause is an error type that is `Send + Sync + 'static`, a `String`, a `&str`, or a `Box<dyn Error + Send + Sync>`"
)]
pub trait Raise {
    /// The cause, on its way out.
    fn raise(self) -> Raised;
}

#[diagnostic::do_not_recommend]
impl<E> Raise for E
where
    Raised: From<E>,
{
    #[cold]
    fn raise(self) -> Raised {
        self.into()
    }
}

/// What a stage with `retry` keeps for the next attempt, if its function takes its input by value.
#[diagnostic::on_unimplemented(
    message = "`retry` needs an input that it can clone, `{Self}` is not `Clone`",
    label = "takes its input by value",
    note = "derive `Clone` for the input, or lend it: `let key = f(&other_key)?` in a record"
)]
pub trait Repeat<T> {
    /// A copy, if there is another attempt after this one.
    fn keep(&self, retry: &Retry, attempt: u32) -> Option<T>;
}

#[diagnostic::do_not_recommend]
impl<T: Clone> Repeat<T> for T {
    #[inline]
    fn keep(&self, retry: &Retry, attempt: u32) -> Option<T> {
        (attempt < retry.attempts()).then(|| self.clone())
    }
}
