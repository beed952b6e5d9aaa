//! The worker processes, and what happens to them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use test_servers::Host;

use crate::clock::Clock;
use crate::places::Places;
use crate::worker;

pub(crate) struct Crew {
    directory: PathBuf,
    notes: PathBuf,
    places: Places,
    clock: Option<Clock>,
    workers: Vec<Worker>,
    /// Which were stopped for longer than a lease, and how long the notes were when they were let go on.
    pub(crate) zombies: Vec<Zombie>,
    pub(crate) kills: u32,
    pub(crate) jumps: u32,
}

struct Worker {
    child: Child,
    host: Option<Host>,
    stopped: Option<Stopped>,
}

struct Stopped {
    until: Instant,
    outlives_its_lease: bool,
}

/// A process that went on after its leases had ended.
pub(crate) struct Zombie {
    pub(crate) process: u32,
    pub(crate) went_on: u64,
}

impl Crew {
    /// So many workers, evenly on these hosts if there are any.
    pub(crate) fn start(
        directory: &Path,
        notes: &Path,
        places: Places,
        workers: usize,
        hosts: &[Host],
    ) -> Self {
        let mut crew = Self {
            directory: directory.into(),
            notes: notes.into(),
            places,
            // Requests of SQS are signed with the time, and refused when that is wrong.
            clock: (places != Places::Sqs)
                .then(|| Clock::make(notes.parent().expect("it is in a directory")))
                .flatten(),
            workers: Vec::new(),
            zombies: Vec::new(),
            kills: 0,
            jumps: 0,
        };
        for which in 0..workers {
            let host = which
                .checked_rem(hosts.len())
                .map(|host| hosts[host].clone());
            let worker = crew.begin(host);
            crew.workers.push(worker);
        }
        crew
    }

    fn begin(&self, host: Option<Host>) -> Worker {
        let program = std::env::current_exe().unwrap();
        let mut command = match &host {
            Some(host) => host.command(program),
            None => Command::new(program),
        };
        command
            .args(["worker::worker", "--exact", "--ignored", "--nocapture"])
            .envs(worker::environment(
                &self.directory,
                &self.notes,
                self.places,
            ))
            .envs(worker::CREDENTIALS)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(
                fs::File::options()
                    .append(true)
                    .create(true)
                    .open(self.said())
                    .unwrap(),
            );
        if let Some(clock) = &self.clock {
            clock.wear(&mut command);
        }
        Worker {
            child: command.spawn().unwrap(),
            host,
            stopped: None,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.workers.len()
    }

    /// What the workers have said.
    fn said(&self) -> PathBuf {
        self.notes.with_extension("said")
    }

    fn noted(&self) -> u64 {
        fs::metadata(&self.notes).map_or(0, |notes| notes.len())
    }

    /// Kills a worker, unless it is stopped: it is to go on.
    pub(crate) fn kill(&mut self, which: usize) {
        if self.workers[which].stopped.is_some() {
            return;
        }
        let fresh = self.begin(self.workers[which].host.clone());
        let mut killed = std::mem::replace(&mut self.workers[which], fresh);
        killed.end();
        self.kills += 1;
    }

    /// Stops a worker for that long.
    pub(crate) fn stop(&mut self, which: usize, span: Duration, lease: Duration) {
        self.stop_if(which, span, lease, |_| true);
    }

    /// Stops a worker for that long, if this holds of its process when it is stopped. Whether it is.
    pub(crate) fn stop_if(
        &mut self,
        which: usize,
        span: Duration,
        lease: Duration,
        holds: impl FnOnce(u32) -> bool,
    ) -> bool {
        let worker = &mut self.workers[which];
        if worker.stopped.is_some() {
            return false;
        }
        worker.signal("-STOP");
        worker.wait_until_stopped();
        if !holds(worker.child.id()) {
            worker.signal("-CONT");
            return false;
        }
        worker.stopped = Some(Stopped {
            until: Instant::now() + span,
            outlives_its_lease: span > lease,
        });
        true
    }

    /// Lets those go on whose time has come; with `all`, all of them.
    pub(crate) fn go_on(&mut self, all: bool) {
        for which in 0..self.workers.len() {
            let is_time = |stopped: &mut Stopped| {
                if all {
                    std::thread::sleep(stopped.until.saturating_duration_since(Instant::now()));
                }
                stopped.until <= Instant::now()
            };
            let Some(stopped) = self.workers[which].stopped.take_if(is_time) else {
                continue;
            };
            if stopped.outlives_its_lease {
                self.zombies.push(Zombie {
                    process: self.workers[which].child.id(),
                    went_on: self.noted(),
                });
            }
            self.workers[which].signal("-CONT");
        }
    }

    pub(crate) fn jump(&mut self, ahead: i64) {
        if let Some(clock) = &self.clock {
            clock.jump(ahead);
            self.jumps += 1;
        }
    }

    pub(crate) fn has_clock(&self) -> bool {
        self.clock.is_some()
    }

    /// No worker ends by itself.
    pub(crate) fn is_at_work(&mut self) {
        for worker in &mut self.workers {
            if let Some(status) = worker.child.try_wait().unwrap() {
                let said = fs::read_to_string(self.notes.with_extension("said"));
                panic!("a worker has ended, {status}: {}", said.unwrap_or_default());
            }
        }
    }
}

/// What servers and networks are disturbed by.
#[cfg(feature = "postgres")]
impl Crew {
    /// Its process now.
    pub(crate) fn process(&self, which: usize) -> u32 {
        self.workers[which].child.id()
    }

    pub(crate) fn is_stopped(&self, which: usize) -> bool {
        self.workers[which].stopped.is_some()
    }

    /// A worker that could not be reached for longer than a lease can be from now on. If it is stopped, its time has not come.
    pub(crate) fn is_back(&mut self, which: usize) {
        if self.workers[which].stopped.is_none() {
            self.zombies.push(Zombie {
                process: self.process(which),
                went_on: self.noted(),
            });
        }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.workers.iter_mut().for_each(Worker::end);
    }
}

impl Worker {
    fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([name, &self.child.id().to_string()])
            .status();
        assert!(sent.unwrap().success(), "{name} is not sent");
    }

    /// The kernel stops its threads one by one.
    fn wait_until_stopped(&self) {
        let tasks = format!("/proc/{}/task", self.child.id());
        let is_stopped = |task: fs::DirEntry| {
            let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
            stat.rsplit_once(") ")
                .is_none_or(|(_, rest)| rest.starts_with('T'))
        };
        let deadline = Instant::now() + Duration::from_secs(10);
        while !fs::read_dir(&tasks).unwrap().flatten().all(is_stopped) {
            assert!(Instant::now() < deadline, "a worker does not stop");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn end(&mut self) {
        // It may have ended by itself, which is told elsewhere.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
