//! Commands for all instances of a service.

mod orders;
mod place;

use std::fmt;
use std::sync::Arc;

use pipeline_runtime::{BoxError, Name, SetCountError};

pub(crate) use self::orders::{Order, Orders};
pub(crate) use self::place::AnyStanding;
pub use self::place::{Standing, StandingError};
use crate::command::{ControlError, known};

/// Commands the processes of all instances of a service, those included that start later;
/// [`Control::everywhere`](crate::Control::everywhere) makes it.
///
/// What is said is kept in the service's row of the place, until something else is said. Each instance that is declared
/// [`everywhere`](crate::Service::everywhere) follows within a second or so, and reads it before its processes start.
///
/// # Errors
///
/// Of every method: [`ControlError::Unknown`] where this instance has no process of that name, and [`ControlError::Away`] where the
/// place is, others change the row all the time, or what is there cannot be read, as that of a later version of this program: it
/// is left as it is.
///
/// # Cancel safety
///
/// Of every method: it is said or not.
#[derive(Clone)]
pub struct Everywhere {
    place: Arc<dyn AnyStanding>,
    service: Name,
    names: Vec<Name>,
}

impl fmt::Debug for Everywhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Everywhere")
            .field("service", &self.service)
            .field("place", &self.place.name())
            .finish_non_exhaustive()
    }
}

/// How often a row is changed anew that others have changed meanwhile.
const TRIES: usize = 20;

impl Everywhere {
    pub(crate) fn new(place: Arc<dyn AnyStanding>, service: Name, names: Vec<Name>) -> Self {
        Self {
            place,
            service,
            names,
        }
    }

    /// Has the process take nothing in, in all instances, until it is resumed.
    pub async fn pause(&self, process: &str) -> Result<(), ControlError> {
        self.change(process, |order| order.paused = Some(true))
            .await
    }

    /// Has it take items in again, in all instances.
    pub async fn resume(&self, process: &str) -> Result<(), ControlError> {
        self.change(process, |order| order.paused = Some(false))
            .await
    }

    /// Sets the count of a stage in all instances, in each run from now on. Where there is no such stage, or the count is not to be had, an
    /// instance says so in its log.
    ///
    /// # Errors
    ///
    /// [`ControlError::SetCount`] with a count of 0, besides.
    pub async fn set_count(
        &self,
        process: &str,
        stage: &str,
        count: usize,
    ) -> Result<(), ControlError> {
        if count == 0 {
            let stage = stage.to_owned();
            return Err(SetCountError::Zero { stage }.into());
        }
        let set = |order: &mut Order| _ = order.counts.insert(stage.to_owned(), count);
        self.change(process, set).await
    }

    async fn change(&self, process: &str, change: impl Fn(&mut Order)) -> Result<(), ControlError> {
        if !self.names.iter().any(|name| **name == *process) {
            return Err(ControlError::Unknown {
                process: process.to_owned(),
                known: known(&self.names),
            });
        }
        let away = |error: BoxError| ControlError::Away {
            place: self.place.name(),
            error,
        };
        for _ in 0..TRIES {
            let read = self.place.read(&self.service).await;
            let (number, text) = read.map_err(|error| away(error.into()))?;
            let mut orders = Orders::read(&text).map_err(|why| away(why.into()))?;
            change(orders.of(process));
            let text = orders.written().map_err(|why| away(why.into()))?;
            let written = self.place.write(&self.service, number, &text).await;
            if written.map_err(|error| away(error.into()))? {
                return Ok(());
            }
        }
        Err(away("others change it all the time".into()))
    }
}
