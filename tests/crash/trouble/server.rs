//! The server is stopped and starts anew, its connections end, and workers are stopped inside their transactions.

use std::thread::sleep;
use std::time::{Duration, Instant};

use test_servers::Cluster;

use super::{Trouble, workers};
use crate::audit::Server;
use crate::crew::Crew;
use crate::worker::postgres::name;

/// Until then a worker was in a transaction when it was stopped.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Restarts {
    pub(super) cluster: Cluster,
    /// As anybody sees it.
    pub(super) eyes: Server,
    inside: u32,
    ended: usize,
    restarts: u32,
}

impl Restarts {
    pub(crate) fn of(cluster: Cluster) -> Self {
        Self {
            eyes: Server::at(cluster.url_here("postgres")),
            cluster,
            inside: 0,
            ended: 0,
            restarts: 0,
        }
    }

    /// Something happens to this worker, or to the server.
    pub(super) fn happens_to(
        &mut self,
        which: usize,
        crew: &mut Crew,
        chance: &mut fastrand::Rng,
        lease: Duration,
    ) {
        match chance.u8(0..12) {
            0..8 => workers::happens(which, crew, chance, lease),
            8..10 => self.stop_inside(which, crew, lease.mul_f64(1.5 + chance.f64() * 2.0), lease),
            10 => self.end_connections(chance.u8(1..6)),
            _ => self.restart(lease.mul_f64(chance.f64() * 1.5)),
        }
    }

    /// Stops a worker for that long while its transaction is open, and it holds the locks of what it writes.
    fn stop_inside(&mut self, which: usize, crew: &mut Crew, span: Duration, lease: Duration) {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let eyes = &mut self.eyes;
            if crew.stop_if(which, span, lease, |process| is_inside(eyes, process)) {
                self.inside += 1;
                return;
            }
            if crew.is_stopped(which) {
                return;
            }
            sleep(Duration::from_millis(3));
        }
    }

    /// Ends so many of the workers' connections, if there are so many.
    fn end_connections(&mut self, most: u8) {
        let end = format!(
            "SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity
            WHERE application_name LIKE 'worker %' ORDER BY random() LIMIT {most}) AS few"
        );
        self.ended += self.eyes.ask(&end).unwrap_or_default().len();
    }

    /// Nothing is tidied up, and it is away for that long.
    fn restart(&mut self, away: Duration) {
        if self.restarts.is_multiple_of(2) {
            self.cluster.quit();
        } else {
            self.cluster.kill();
        }
        sleep(away);
        self.cluster.resume();
        self.restarts += 1;
    }
}

/// Whether a process has begun a transaction that waits for what it says next.
fn is_inside(eyes: &mut Server, process: u32) -> bool {
    let name = name(process);
    let open = format!(
        "SELECT FROM pg_stat_activity WHERE application_name = '{name}' AND state LIKE 'idle in transaction%'"
    );
    eyes.ask(&open).is_some_and(|open| !open.is_empty())
}

impl Trouble for Restarts {
    fn begins(&mut self, crew: &mut Crew, lease: Duration) {
        crew.stop(0, lease * 2, lease);
        self.stop_inside(1, crew, lease * 2, lease);
        crew.kill(2);
        crew.jump(24 * 3600);
        self.end_connections(2);
        self.restart(lease / 2);
    }

    fn happens(&mut self, crew: &mut Crew, chance: &mut fastrand::Rng, lease: Duration) {
        let which = chance.usize(0..crew.len());
        self.happens_to(which, crew, chance, lease);
    }

    fn tell(&self) -> String {
        let Self {
            inside,
            ended,
            restarts,
            ..
        } = self;
        assert!(*inside > 0, "no worker was stopped inside a transaction");
        assert!(
            *ended > 0 && *restarts > 0,
            "nothing has happened to the server"
        );
        format!(
            "; {inside} stopped in transactions, {ended} connections ended, {restarts} restarts"
        )
    }
}
