//! Checks whose failure rustc reports on the user's token.
//!
//! Each is a trait with a parameter for its result, called as `Trait::<_>::method(value)`: a bound of a function would
//! add lines to the message, an associated type would add errors.

use std::future::{Future, IntoFuture};
use std::hash::Hash;

use super::call::Raised;
use super::engine::{Hashing, Hint, Port};
pub use crate::bounds::Shareable;
use crate::bounds::{Never, Nothing};
use crate::retry::Retry;
use crate::sink::Sink;
use crate::source::Input;

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
impl<T: IntoFuture> Awaitable<Awaited<T::IntoFuture>> for T {
    #[inline]
    fn future(self) -> Awaited<T::IntoFuture> {
        Awaited(self.into_future())
    }
}

#[diagnostic::do_not_recommend]
impl<T: Nothing> Awaitable<Never> for T {
    fn future(self) -> Never {
        self.never()
    }
}

/// The future of an `:async` stage's call.
#[derive(Debug)]
pub struct Awaited<F>(F);

impl<F: Future> IntoFuture for Awaited<F> {
    type Output = F::Output;
    type IntoFuture = F;

    #[inline]
    fn into_future(self) -> F {
        self.0
    }
}

/// What the function of `filter_map` returns.
#[diagnostic::on_unimplemented(
    message = "`filter_map` needs a function that returns an `Option`, this one returns `{Self}`",
    label = "no `Option`",
    note = "write `map` if no item is dropped, `?` after the stage if the function returns a `Result`"
)]
pub trait Optional<T> {
    /// The option.
    fn option(self) -> Option<T>;
}

#[diagnostic::do_not_recommend]
impl<T> Optional<T> for Option<T> {
    #[inline]
    fn option(self) -> Self {
        self
    }
}

/// What `by` says of an item.
#[diagnostic::on_unimplemented(
    message = "`by` needs a key that can be hashed, `{Self}` is not `Hash`",
    label = "not a key",
    note = "derive `Hash` for it, or take a part of it that is `Hash`: a number, a string, an id; of a float, `x.to_bits()`"
)]
pub trait Keyed<H> {
    /// Its hash.
    fn keyed(&self, hashing: &Hashing) -> H;
}

#[diagnostic::do_not_recommend]
impl<T: Hash + ?Sized> Keyed<u64> for T {
    #[inline]
    fn keyed(&self, hashing: &Hashing) -> u64 {
        hashing.of(self)
    }
}

#[diagnostic::do_not_recommend]
impl<T: Nothing + ?Sized> Keyed<Never> for T {
    fn keyed(&self, _hashing: &Hashing) -> Never {
        unreachable!("nothing is `Nothing`")
    }
}

/// What the function of `flat_map` returns.
#[diagnostic::on_unimplemented(
    message = "`flat_map` needs a function that returns an iterator or a collection, this one returns `{Self}`",
    label = "nothing to iterate over"
)]
pub trait Outputs<I> {
    /// The iterator.
    fn outputs(self) -> I;
}

#[diagnostic::do_not_recommend]
impl<T: IntoIterator> Outputs<Many<T::IntoIter>> for T {
    #[inline]
    fn outputs(self) -> Many<T::IntoIter> {
        Many(self.into_iter())
    }
}

#[diagnostic::do_not_recommend]
impl<T: Nothing> Outputs<Never> for T {
    fn outputs(self) -> Never {
        self.never()
    }
}

/// The outputs of one call of `flat_map`.
#[derive(Debug)]
pub struct Many<I>(I);

impl<I: Iterator> Iterator for Many<I> {
    type Item = I::Item;

    #[inline]
    fn next(&mut self) -> Option<I::Item> {
        self.0.next()
    }
}

/// What stands in the header of a pipeline.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an input of a pipeline",
    label = "not an input",
    note = "an input is a `Source`, `source::iter(…)`, `source::stream(…)`, `queue.deliveries()`, a `tokio::sync::mpsc::Receiver`, another pipeline, a `Vec` or a range"
)]
pub trait Opens<I> {
    /// The input.
    fn input(self) -> I;
}

#[diagnostic::do_not_recommend]
impl<I: Input> Opens<I> for I {
    fn input(self) -> I {
        self
    }
}

#[diagnostic::do_not_recommend]
impl<I: Nothing> Opens<Never> for I {
    fn input(self) -> Never {
        self.never()
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

/// What stands behind `:drive`, or at the errors end.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a sink for `{T}`",
    label = "does not take `{T}`",
    note = "a sink is a `tokio::sync::mpsc::Sender<{T}>`, `sink::each(|item: {T}| …)`, `sink::each_async` for an async function, a queue's `queue.sink()`, or a type that implements `Sink<{T}>`"
)]
pub trait Takes<T, S> {
    /// The sink.
    fn sink(self) -> S;
}

#[diagnostic::do_not_recommend]
impl<T, S: Sink<T>> Takes<T, S> for S {
    fn sink(self) -> S {
        self
    }
}

#[diagnostic::do_not_recommend]
impl<T, S: Nothing> Takes<T, Never> for S {
    fn sink(self) -> Never {
        self.never()
    }
}

/// A sink for what `hint` says. A function, for the hint must be looked at before the sink.
pub fn sink<T, X: Takes<T, S>, S>(_hint: Hint<T>, sink: X) -> S {
    sink.sink()
}

/// What `by` of a stage says that gathers items by key.
#[diagnostic::on_unimplemented(
    message = "items cannot be gathered by a `{Self}`",
    label = "cannot be compared",
    note = "a key is owned, and `Hash + Eq`: derive both for it, or make a number or a `String` of it"
)]
pub trait Key<K> {
    /// The key.
    fn key(self) -> K;
}

#[diagnostic::do_not_recommend]
impl<K: Hash + Eq> Key<K> for K {
    #[inline]
    fn key(self) -> K {
        self
    }
}

#[diagnostic::do_not_recommend]
impl<K: Nothing> Key<Never> for K {
    fn key(self) -> Never {
        self.never()
    }
}

/// What `by` of a stage says that only has to tell items apart. It is lent: what it borrows from the item is not cloned.
#[diagnostic::on_unimplemented(
    message = "items cannot be told apart by a `{Self}`",
    label = "cannot be hashed",
    note = "derive `Hash` for it, or make a number or a text of it"
)]
pub trait Marks<H> {
    /// What is hashed.
    fn mark(self) -> H;
}

#[diagnostic::do_not_recommend]
impl<H: Hash> Marks<H> for H {
    #[inline]
    fn mark(self) -> H {
        self
    }
}

#[diagnostic::do_not_recommend]
impl<H: Nothing> Marks<Never> for H {
    fn mark(self) -> Never {
        self.never()
    }
}

/// What `step` and `end` of a `stateful` return.
#[diagnostic::on_unimplemented(
    message = "`stateful` needs functions that return an iterator or a collection, this one returns `{Self}`",
    label = "nothing to iterate over",
    note = "return an `Option` or a `Vec`; `None` where nothing goes on yet"
)]
pub trait Yields<I> {
    /// The iterator.
    fn outputs(self) -> I;
}

#[diagnostic::do_not_recommend]
impl<T: IntoIterator> Yields<Many<T::IntoIter>> for T {
    #[inline]
    fn outputs(self) -> Many<T::IntoIter> {
        Many(self.into_iter())
    }
}

#[diagnostic::do_not_recommend]
impl<T: Nothing> Yields<Never> for T {
    fn outputs(self) -> Never {
        self.never()
    }
}

/// The port in front of a `stateful` without `held`, or of a `fold` without `most`.
#[diagnostic::on_unimplemented(
    message = "the items here may be deliveries, which wait until something comes of them; say how many may: `held: 1000` of a `stateful`, `most: 1000` of a `fold`",
    label = "keeps deliveries without a bound",
    note = "in a segment the items may be deliveries of the pipeline that it becomes part of; those of a weighed input are kept as deliveries are"
)]
pub trait Unticketed<P> {
    /// The port.
    fn unticketed(self) -> P;
}

#[diagnostic::do_not_recommend]
impl<P: Plain> Unticketed<P> for P {
    fn unticketed(self) -> P {
        self
    }
}

/// The port of items that nobody waits for.
pub trait Plain {}

impl<T, Task> Plain for Port<T, Task, ()> {}

#[diagnostic::do_not_recommend]
impl<P: Nothing> Unticketed<Never> for P {
    fn unticketed(self) -> Never {
        self.never()
    }
}

/// What the function of a `fold` returns.
#[diagnostic::on_unimplemented(
    message = "the function of a `fold` changes the value that it is lent, this one returns `{Self}`",
    label = "returns something",
    note = "write `|sum, x| *sum += x`"
)]
pub trait Folded<U> {
    /// Nothing.
    fn folded(self) -> U;
}

#[diagnostic::do_not_recommend]
impl<T: Unit> Folded<()> for T {
    #[inline]
    fn folded(self) {}
}

/// What a function returns that returns nothing.
pub trait Unit {}

impl Unit for () {}

#[diagnostic::do_not_recommend]
impl<T: Nothing> Folded<Never> for T {
    fn folded(self) -> Never {
        self.never()
    }
}
