//! What goes wrong at a place that items go to or come from: a sink, a queue, a journal, a store of letters.

use std::error::Error;
use std::fmt;

use crate::failure::BoxError;
use crate::guard::{self, Shown};

/// What an error of a place says of the items, and of what comes after them.
///
/// # Examples
///
/// ```
/// # use pipeline_runtime::ErrorKind;
/// # use pipeline_runtime::queue::QueueError;
/// let error = QueueError::away("connection refused");
/// assert_eq!(error.kind(), ErrorKind::Away);
/// assert_eq!(error.to_string(), "connection refused");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// These items, or this request, are refused for what they are. Others may succeed; the same would be refused again.
    Refused,
    /// The place cannot be reached, or has no room now: a connection that is down, a lock, throttling, a full disk. Nothing
    /// is wrong with the items: the same may succeed later.
    Away,
    /// The place takes nothing more, whatever it is given: it does not exist, may not be used, or has ended.
    Closed,
    /// Nothing more comes from the place, as it should be: a source that hears it ends as one that has brought all. Where
    /// something is written it is [`Closed`](Self::Closed).
    Ended,
}

/// An error of a place without its type.
#[derive(Debug)]
pub(crate) struct PlaceError {
    pub(crate) kind: ErrorKind,
    pub(crate) error: BoxError,
}

impl PlaceError {
    pub(crate) fn new(kind: ErrorKind, error: impl Into<BoxError>) -> Self {
        Self {
            kind,
            error: error.into(),
        }
    }
}

impl fmt::Display for PlaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown(&self.error).fmt(f)
    }
}

impl Error for PlaceError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        guard::source(&*self.error)
    }
}

/// A type of errors that have a kind. All of these have the same methods.
macro_rules! place_error {
    ($(#[$docs:meta])* $name:ident) => {
        $(#[$docs])*
        ///
        /// Its `Display` is that of what went wrong.
        #[derive(Debug)]
        pub struct $name(crate::place::PlaceError);

        impl $name {
            /// An error of that kind.
            pub fn new(
                kind: crate::place::ErrorKind,
                error: impl Into<crate::failure::BoxError>,
            ) -> Self {
                Self(crate::place::PlaceError::new(kind, error))
            }

            /// This request is refused for what it is: [`ErrorKind::Refused`](crate::ErrorKind::Refused).
            pub fn refused(error: impl Into<crate::failure::BoxError>) -> Self {
                Self::new(crate::place::ErrorKind::Refused, error)
            }

            /// The place cannot be reached, or has no room now: [`ErrorKind::Away`](crate::ErrorKind::Away).
            pub fn away(error: impl Into<crate::failure::BoxError>) -> Self {
                Self::new(crate::place::ErrorKind::Away, error)
            }

            /// The place takes nothing more: [`ErrorKind::Closed`](crate::ErrorKind::Closed).
            pub fn closed(error: impl Into<crate::failure::BoxError>) -> Self {
                Self::new(crate::place::ErrorKind::Closed, error)
            }

            /// What it says of the items, and of what comes after them.
            #[must_use]
            pub fn kind(&self) -> crate::place::ErrorKind {
                self.0.kind
            }

            /// Whether the same may succeed later.
            #[must_use]
            pub fn is_away(&self) -> bool {
                self.0.kind == crate::place::ErrorKind::Away
            }

            /// What went wrong.
            #[must_use]
            pub fn error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
                &*self.0.error
            }

            /// What went wrong, by value.
            #[must_use]
            pub fn into_error(self) -> crate::failure::BoxError {
                self.0.error
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::error::Error for $name {
            fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
                std::error::Error::source(&self.0)
            }
        }
    };
}

pub(crate) use place_error;
