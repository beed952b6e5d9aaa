//! The worker processes.

use std::io;
use std::net::SocketAddr;
use std::process::{self, Stdio};
use std::time::Duration;

use brigade::BoxError;
use test_servers::Host;
use tokio::process::{Child, Command};
use tokio::time::{Instant, interval_at, timeout};

use crate::args;
use crate::cuts::Cuts;
use crate::place::{Place, hosts};

/// How long a worker may take to finish what it has.
const PATIENCE: Duration = Duration::from_secs(60);

/// So many processes, some of which are killed. All end when it is dropped.
pub struct Crew<'p, P> {
    place: &'p P,
    archive: SocketAddr,
    workers: Vec<Worker>,
    kills: Option<tokio::time::Interval>,
    chance: fastrand::Rng,
    pub killed: u32,
    pub cuts: Cuts<'p>,
}

/// What is to happen.
pub enum Trouble {
    /// A process is killed.
    Kill,
    /// A host is cut off.
    Cut,
}

/// This program in another process, on a host if one is given: it ends when its standard input does, or is killed when it is
/// dropped.
pub fn program(place: &impl Place, host: Option<&Host>, words: &[&str]) -> io::Result<Command> {
    let program = std::env::current_exe()?;
    let command = match host {
        Some(host) => host.command(program),
        None => process::Command::new(program),
    };
    let mut command = Command::from(command);
    command.args(words).stdin(Stdio::piped()).kill_on_drop(true);
    place.tell(&mut command);
    Ok(command)
}

struct Worker {
    process: Child,
    host: Option<Host>,
}

impl<'p, P: Place> Crew<'p, P> {
    /// On the hosts of the place, evenly, if it has any.
    pub fn start(place: &'p P, archive: SocketAddr, asked: &args::Crew) -> io::Result<Self> {
        let kills = asked
            .kill_every
            .and_then(|every| Some(interval_at(Instant::now().checked_add(every)?, every)));
        let mut crew = Self {
            place,
            archive,
            workers: Vec::new(),
            kills,
            chance: fastrand::Rng::with_seed(asked.seed),
            killed: 0,
            cuts: Cuts::of(place, asked.cut_every),
        };
        let hosts = hosts(place);
        for number in 0..asked.processes.get() {
            let host = number
                .checked_rem(hosts.len())
                .map(|host| hosts[host].clone());
            crew.begin(host)?;
        }
        Ok(crew)
    }

    fn begin(&mut self, host: Option<Host>) -> io::Result<()> {
        let words = ["worker", "--archive", &self.archive.to_string()];
        let process = program(self.place, host.as_ref(), &words)?.spawn()?;
        self.workers.push(Worker { process, host });
        Ok(())
    }

    /// Waits until something is to happen; for ever, if nothing is.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn trouble(&mut self) -> Trouble {
        let kills = &mut self.kills;
        let is_time_to_kill = async {
            match kills {
                Some(kills) => drop(kills.tick().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = is_time_to_kill => Trouble::Kill,
            () = self.cuts.is_time() => Trouble::Cut,
        }
    }

    /// Kills one, any, with SIGKILL, and waits until it is gone. Where it was.
    pub async fn kill(&mut self) -> io::Result<Option<Host>> {
        let unlucky = self.chance.usize(..self.workers.len());
        let mut unlucky = self.workers.swap_remove(unlucky);
        unlucky.process.kill().await?;
        self.killed += 1;
        Ok(unlucky.host)
    }

    /// Cuts a host off, any.
    pub fn cut(&mut self) {
        self.cuts.cut(&mut self.chance);
    }

    /// Starts one for one that was killed there.
    pub fn replace(&mut self, host: Option<Host>) -> io::Result<()> {
        self.begin(host)
    }

    /// # Errors
    ///
    /// If one has ended by itself.
    pub fn is_at_work(&mut self) -> Result<(), BoxError> {
        for worker in &mut self.workers {
            if let Some(status) = worker.process.try_wait()? {
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
        self.cuts.mend(true);
        for worker in &mut self.workers {
            drop(worker.process.stdin.take());
        }
        for mut worker in self.workers {
            let status = timeout(PATIENCE, worker.process.wait()).await;
            let status = status.map_err(|_| "a worker does not end")??;
            if !status.success() {
                return Err(format!("a worker ended with {status}").into());
            }
        }
        Ok(())
    }
}
