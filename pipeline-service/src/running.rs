//! A service that runs.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use pipeline_runtime::link::Joint;
use tokio::task::{Id, JoinSet};

use crate::command::Command;
use crate::control::Control;
use crate::core::Core;
use crate::error::{Invalid, ServiceError};
use crate::everywhere::AnyStanding;
use crate::following::Follows;
use crate::status::Status;

/// A service that runs; [`Service::start`](crate::Service::start) makes it. Dropping it aborts the service.
#[must_use = "dropping it aborts the service"]
pub struct RunningService {
    core: Arc<Core>,
    supervisors: JoinSet<()>,
    /// Whose they are.
    places: HashMap<Id, usize>,
    /// Where it is kept what all instances are told.
    everywhere: Option<Arc<dyn AnyStanding>>,
    /// Who follows it.
    following: JoinSet<()>,
}

impl fmt::Debug for RunningService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RunningService")
            .field(&self.core.names)
            .finish()
    }
}

impl RunningService {
    pub(crate) fn new(core: Arc<Core>, everywhere: Option<Arc<dyn AnyStanding>>) -> Self {
        Self {
            core,
            supervisors: JoinSet::new(),
            places: HashMap::new(),
            everywhere,
            following: JoinSet::new(),
        }
    }

    /// Reads what all instances are told, and follows it from then on.
    pub(crate) async fn reads_orders(&mut self) {
        let Some(place) = self.everywhere.take() else {
            return;
        };
        let mut follows = Follows::new(place, self.core.service.clone(), self.control());
        follows.begins().await;
        self.following
            .spawn(async move { match follows.follows().await {} });
    }

    pub(crate) fn core(&self) -> Arc<Core> {
        Arc::clone(&self.core)
    }

    pub(crate) fn looks_after(
        &mut self,
        place: usize,
        supervisor: impl Future<Output = ()> + Send + 'static,
    ) {
        let id = self.supervisors.spawn(supervisor).id();
        self.places.insert(id, place);
    }

    /// Starts the processes one after the other. The first that fails stops those that run.
    pub(crate) async fn first_start(&mut self, order: &[usize]) -> Result<(), ServiceError> {
        let (mut sinks, mut is_all) = (Vec::new(), true);
        for place in order {
            match self.core.ask(*place, Command::First).await {
                Some(Err(error)) => {
                    let process = self.core.names[*place].clone();
                    self.stops();
                    // How those that ran have ended is not why it was not started.
                    let _ = self.ended().await;
                    return Err(ServiceError::Start { process, error });
                }
                Some(Ok(started)) => {
                    sinks.extend(started.sinks.into_iter().map(|sink| (*place, sink)));
                    is_all &= started.is_all;
                }
                // It was stopped with the service.
                None => break,
            }
        }
        let unread = sinks.iter().find(|(_, sink)| !sink.has_had_an_input());
        if let Some((place, link)) = unread.filter(|_| !self.core.is_stopping()) {
            self.is_unread(*place, link, is_all).await?;
        }
        self.core.is_ready();
        self.core.one_ended();
        Ok(())
    }

    /// A process drives into a link that nothing has taken from: whether something will is not known of all.
    async fn is_unread(
        &mut self,
        place: usize,
        link: &Joint,
        is_all: bool,
    ) -> Result<(), ServiceError> {
        let unread = Invalid::Unread {
            process: self.core.names[place].clone(),
            link: link.name().clone(),
        };
        if !is_all {
            tracing::warn!("{unread}");
            return Ok(());
        }
        // What has been put into it would not be settled.
        link.close();
        self.stops();
        let _ = self.ended().await;
        Err(unread.into())
    }

    /// Commands its processes.
    #[must_use]
    pub fn control(&self) -> Control {
        Control(Arc::clone(&self.core))
    }

    /// What it is doing.
    #[must_use]
    pub fn status(&self) -> Status {
        self.core.status()
    }

    /// Waits for a status that is as wanted: see [`Control::until`].
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn until(&self, is_wanted: impl FnMut(&Status) -> bool) -> Status {
        self.core.until(is_wanted).await
    }

    /// Everything is to end, within the grace; [`ended`](Self::ended) waits for that. Done again it changes nothing.
    pub fn stops(&self) {
        self.core.stop();
    }

    /// Everything is to end now: async work is cancelled, blocking calls are left to return. What was held is given back.
    pub fn aborts(&self) {
        self.core.abort();
    }

    /// Waits until it has ended: because it was stopped, a process failed too often, or all have ended. What it returns goes
    /// to the first who asks; an error is told once.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Escalated`], [`ServiceError::Stuck`] or [`ServiceError::Failed`], whichever is first of these.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn ended(&mut self) -> Result<Status, ServiceError> {
        while let Some(supervisor) = self.supervisors.join_next().await {
            if let Err(error) = supervisor
                && error.is_panic()
            {
                // Its run was aborted with it, which must not pass for a good end.
                if let Some(place) = self.places.get(&error.id()) {
                    let why = format!("its supervisor was lost: {error}");
                    self.core.failed(*place, why);
                }
            }
        }
        self.core.outcome()
    }

    /// Stops it in the order of the data, within the grace.
    ///
    /// # Errors
    ///
    /// As [`RunningService::ended`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future aborts what has not ended.
    pub async fn stop(mut self) -> Result<Status, ServiceError> {
        self.stops();
        self.ended().await
    }
}

impl From<&RunningService> for Control {
    fn from(running: &RunningService) -> Self {
        running.control()
    }
}

impl Drop for RunningService {
    fn drop(&mut self) {
        // The supervisors are aborted with their set, and let go of the runs.
        self.core.abort();
    }
}
