//! Where it is kept what all instances of a service are told.

use std::error::Error;
use std::fmt;
use std::future::Future;

use futures::future::BoxFuture;
use pipeline_runtime::{BoxError, Name};

/// Where it is kept what all instances of a service are told: a text for each service, with a number that grows with each
/// change. [`Service::everywhere`](crate::Service::everywhere) takes it.
pub trait Standing: Send + Sync + 'static {
    /// The name in messages.
    fn name(&self) -> Name;

    /// The text of a service and its number; an empty one and 0 where there is none.
    ///
    /// # Errors
    ///
    /// The place is away; it is asked again.
    fn read(
        &self,
        service: &str,
    ) -> impl Future<Output = Result<(u64, String), StandingError>> + Send;

    /// Puts this in place of the text with that number, whose number grows by 1; false if there is another by now.
    ///
    /// # Errors
    ///
    /// The place is away: it is done or not.
    fn write(
        &self,
        service: &str,
        number: u64,
        text: &str,
    ) -> impl Future<Output = Result<bool, StandingError>> + Send;

    /// Returns when it is worth to read again: when something was written since the call, not since the first poll, if that is
    /// known, else after a while. It ends within a second or so, whatever is known.
    ///
    /// # Cancel safety
    ///
    /// Has to be cancel safe.
    fn changed(&self) -> impl Future<Output = ()> + Send;
}

/// A place of what services are told that cannot be reached.
#[derive(Debug)]
pub struct StandingError(BoxError);

impl StandingError {
    /// What the place said.
    pub fn new(error: impl Into<BoxError>) -> Self {
        Self(error.into())
    }
}

impl fmt::Display for StandingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&pipeline_runtime::guard::text(&self.0))
    }
}

impl Error for StandingError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        pipeline_runtime::guard::source(&*self.0)
    }
}

/// The same, whatever the type.
pub(crate) trait AnyStanding: Send + Sync {
    fn name(&self) -> Name;

    fn read<'a>(&'a self, service: &'a str) -> BoxFuture<'a, Result<(u64, String), StandingError>>;

    fn write<'a>(
        &'a self,
        service: &'a str,
        number: u64,
        text: &'a str,
    ) -> BoxFuture<'a, Result<bool, StandingError>>;

    fn changed(&self) -> BoxFuture<'_, ()>;
}

impl<S: Standing> AnyStanding for S {
    fn name(&self) -> Name {
        Standing::name(self)
    }

    fn read<'a>(&'a self, service: &'a str) -> BoxFuture<'a, Result<(u64, String), StandingError>> {
        Box::pin(Standing::read(self, service))
    }

    fn write<'a>(
        &'a self,
        service: &'a str,
        number: u64,
        text: &'a str,
    ) -> BoxFuture<'a, Result<bool, StandingError>> {
        Box::pin(Standing::write(self, service, number, text))
    }

    fn changed(&self) -> BoxFuture<'_, ()> {
        Box::pin(Standing::changed(self))
    }
}
