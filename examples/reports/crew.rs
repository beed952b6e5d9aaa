//! The worker processes.

use std::io;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use brigade::BoxError;
use tokio::process::{Child, Command};
use tokio::time::{Instant, interval_at, timeout};

use crate::args;

/// How long a worker may take to finish what it has.
const PATIENCE: Duration = Duration::from_secs(60);

/// So many processes, some of which are killed. All end when it is dropped.
pub struct Crew {
    arguments: Vec<String>,
    workers: Vec<Child>,
    kills: Option<tokio::time::Interval>,
    chance: fastrand::Rng,
    pub killed: u32,
}

impl Crew {
    pub fn start(place: &args::Place, archive: SocketAddr, asked: &args::Crew) -> io::Result<Self> {
        let mut arguments = vec!["worker".into(), "--archive".into(), archive.to_string()];
        arguments.extend(place.arguments());
        let kills = asked
            .kill_every
            .and_then(|every| Some(interval_at(Instant::now().checked_add(every)?, every)));
        let started = (0..asked.processes.get()).map(|_| start(&arguments));
        Ok(Self {
            workers: started.collect::<io::Result<_>>()?,
            arguments,
            kills,
            chance: fastrand::Rng::with_seed(asked.seed),
            killed: 0,
        })
    }

    /// Waits until it is time to kill somebody; for ever, if it never is.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn is_time_to_kill(&mut self) {
        match &mut self.kills {
            Some(kills) => drop(kills.tick().await),
            None => std::future::pending().await,
        }
    }

    /// Kills one, any, with SIGKILL, and waits until it is gone.
    pub async fn kill(&mut self) -> io::Result<()> {
        let unlucky = self.chance.usize(..self.workers.len());
        self.workers.swap_remove(unlucky).kill().await?;
        self.killed += 1;
        Ok(())
    }

    /// Starts one for one that was killed.
    pub fn replace(&mut self) -> io::Result<()> {
        self.workers.push(start(&self.arguments)?);
        Ok(())
    }

    /// # Errors
    ///
    /// If one has ended by itself.
    pub fn is_at_work(&mut self) -> Result<(), BoxError> {
        for worker in &mut self.workers {
            if let Some(status) = worker.try_wait()? {
                return Err(format!("a worker ended by itself: {status}").into());
            }
        }
        Ok(())
    }

    /// Tells all to finish what they have, and waits until they have.
    ///
    /// # Errors
    ///
    /// If one fails at it.
    pub async fn finish(mut self) -> Result<(), BoxError> {
        for worker in &mut self.workers {
            drop(worker.stdin.take());
        }
        for mut worker in self.workers {
            let status = timeout(PATIENCE, worker.wait()).await;
            let status = status.map_err(|_| "a worker does not end")??;
            if !status.success() {
                return Err(format!("a worker ended with {status}").into());
            }
        }
        Ok(())
    }
}

fn start(arguments: &[String]) -> io::Result<Child> {
    Command::new(std::env::current_exe()?)
        .args(arguments)
        .stdin(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
}
