//! What processes can be told while they run, by name.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use pipeline_runtime::{Handle, Name};
use tokio::time::Instant;

use crate::command::{Command, ControlError, Reply, known};
use crate::core::Core;
use crate::everywhere::{Everywhere, Standing};
use crate::status::Status;

/// Commands processes of a service, by name. Clones command the same.
///
/// Each process takes its commands in order, at most 16 wait, and it answers them while its stages are blocked. A method
/// returns when the command has taken effect.
///
/// # Errors
///
/// Of every method: [`ControlError::Unknown`] at once where no process has that name, and [`ControlError::Ended`] once the
/// service is stopping.
///
/// # Cancel safety
///
/// Of every method: a command that was sent takes effect, also where its answer is not waited for.
///
/// # Examples
///
/// ```no_run
/// # async fn f(control: pipeline_service::Control) -> Result<(), pipeline_service::ControlError> {
/// control.pause("users").await?;
/// // The database is moved.
/// control.resume("users").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Control(pub(crate) Arc<Core>);

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Control").field(&self.0.names).finish()
    }
}

impl Control {
    fn place(&self, process: &str) -> Result<usize, ControlError> {
        let place = self.0.names.iter().position(|name| *name == *process);
        place.ok_or_else(|| ControlError::Unknown {
            process: process.to_owned(),
            known: known(&self.0.names),
        })
    }

    async fn tell(
        &self,
        process: &str,
        command: impl FnOnce(Reply) -> Command,
    ) -> Result<(), ControlError> {
        let place = self.place(process)?;
        let ended = || ControlError::Ended {
            process: self.0.names[place].clone(),
        };
        let answer = self.0.ask(place, command).await;
        answer.ok_or_else(ended)?
    }

    /// Starts a process that has ended, or waits, now. One that runs is left as it is.
    pub async fn start(&self, process: &str) -> Result<(), ControlError> {
        self.tell(process, Command::Start).await
    }

    /// Stops one process: its sources take nothing more, links included, and what it has is worked off. It stays stopped
    /// until it is [started](Self::start). Past the deadline it is aborted.
    ///
    /// # Errors
    ///
    /// [`ControlError::Stuck`] names what did not end in time.
    pub async fn drain(&self, process: &str, deadline: Duration) -> Result<(), ControlError> {
        self.tell(process, |reply| Command::Drain(deadline, reply))
            .await
    }

    /// Has a process take nothing in, until it is resumed: see [`Handle::pause`](pipeline_runtime::Handle::pause). It stays
    /// paused when it is made again meanwhile.
    pub async fn pause(&self, process: &str) -> Result<(), ControlError> {
        self.tell(process, Command::Pause).await
    }

    /// Has it take items in again.
    pub async fn resume(&self, process: &str) -> Result<(), ControlError> {
        self.tell(process, Command::Resume).await
    }

    /// Drains a process within the grace of the service, and makes it again at once. One that waits to be made again is made
    /// now. It counts as no failure.
    ///
    /// # Errors
    ///
    /// [`ControlError::Stuck`] names what did not end in time; the process is made again all the same.
    pub async fn restart(&self, process: &str, why: &str) -> Result<(), ControlError> {
        let why = why.to_owned();
        self.tell(process, |reply| Command::Restart(why, reply))
            .await
    }

    /// Has a run of the process fail, as if its pipeline had been stopped by that. For tests of what depends on it.
    ///
    /// # Errors
    ///
    /// [`ControlError::State`] where there is no run.
    pub async fn fail(&self, process: &str, why: &str) -> Result<(), ControlError> {
        let why = why.to_owned();
        self.tell(process, |reply| Command::Fail(why, reply)).await
    }

    /// Has a process that has a [schedule](crate::Schedule), and is idle, run now. The run sees the payload in its
    /// [`Tick`](crate::Tick).
    ///
    /// # Errors
    ///
    /// [`ControlError::State`] where it runs, waits to be made again, is stopped, or has no schedule.
    pub async fn trigger(
        &self,
        process: &str,
        payload: Option<String>,
    ) -> Result<(), ControlError> {
        self.tell(process, |reply| Command::Trigger(payload, reply))
            .await
    }

    /// Sets the count of a stage in the run that is under way: see
    /// [`Handle::set_count`](pipeline_runtime::Handle::set_count). The next run begins with the count that is written.
    pub async fn set_count(
        &self,
        process: &str,
        stage: &str,
        count: usize,
    ) -> Result<(), ControlError> {
        let stage = stage.to_owned();
        self.tell(process, |reply| Command::SetCount(stage, count, reply))
            .await
    }

    /// Commands all instances of the service, by what is kept in that place.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn f(control: pipeline_service::Control, place: impl pipeline_service::everywhere::Standing)
    /// # -> Result<(), pipeline_service::ControlError> {
    /// control.everywhere(place).pause("users").await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn everywhere(&self, place: impl Standing) -> Everywhere {
        Everywhere::new(
            Arc::new(place),
            self.0.service.clone(),
            self.0.names.clone(),
        )
    }

    /// How long the supervisor of a process takes to answer.
    pub async fn ping(&self, process: &str) -> Result<Duration, ControlError> {
        let asked = Instant::now();
        self.tell(process, Command::Ping).await?;
        Ok(asked.elapsed())
    }

    /// The names of the processes, in the order in which they were declared.
    #[must_use]
    pub fn processes(&self) -> &[Name] {
        &self.0.names
    }

    /// The run of a process that is under way, for [report and control](Handle) of the pipeline; `None` where none is, and of a
    /// task.
    ///
    /// # Errors
    ///
    /// [`ControlError::Unknown`] where no process has that name.
    pub fn handle(&self, process: &str) -> Result<Option<Handle>, ControlError> {
        Ok(self.0.board.live(self.place(process)?))
    }

    /// What the service is doing.
    #[must_use]
    pub fn status(&self) -> Status {
        self.0.status()
    }

    /// Waits for a status that is as wanted, and returns it. It looks when the state of a process changes, or something
    /// that failed is noted.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn until(&self, is_wanted: impl FnMut(&Status) -> bool) -> Status {
        self.0.until(is_wanted).await
    }
}
