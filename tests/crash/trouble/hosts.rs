//! Hosts are cut off and come back, and all that runs on one is killed.

use std::thread::sleep;
use std::time::{Duration, Instant};

use test_servers::{Cluster, Cut, Host, Network};

use super::{Restarts, Trouble};
use crate::crew::Crew;
use crate::worker::postgres::name;

/// One of them is cut off for longer than anything is waited for.
const LONG: Duration = Duration::from_secs(40);

/// How long it may take until a worker whose host is reached again has a connection, and nothing is left of an earlier one.
const PATIENCE: Duration = Duration::from_secs(60);

/// Each has at most so many connections. That of transactions is made when there is something to write: a worker that has
/// lost it behind its last message has one.
const CONNECTIONS: usize = 2;

pub(crate) struct Hosts {
    network: Network,
    server: Restarts,
    /// Of each host, how its line is cut, and until when.
    cut: Vec<Option<(Cut, Instant)>>,
    /// The first is cut off for long: nothing else happens to it meanwhile.
    is_long: bool,
    cuts: u32,
    killed: u32,
}

impl Hosts {
    /// The server is on the first of them.
    pub(crate) fn of(network: Network, cluster: Cluster) -> Self {
        Self {
            cut: network.hosts().iter().skip(1).map(|_| None).collect(),
            network,
            server: Restarts::of(cluster),
            is_long: false,
            cuts: 0,
            killed: 0,
        }
    }

    /// Those of the workers.
    pub(crate) fn hosts(&self) -> &[Host] {
        &self.network.hosts()[1..]
    }

    /// The workers on a host.
    fn on(&self, host: usize, crew: &Crew) -> impl Iterator<Item = usize> + use<> {
        (host..crew.len()).step_by(self.cut.len())
    }

    fn cut(&mut self, host: usize, how: Cut, span: Duration) {
        if self.cut[host].is_none() {
            self.network.cut(&self.hosts()[host], how);
            self.cut[host] = Some((how, Instant::now() + span));
            self.cuts += 1;
        }
    }

    /// All processes of a host end at once.
    fn kill(&mut self, host: usize, crew: &mut Crew) {
        self.on(host, crew).for_each(|which| crew.kill(which));
        self.killed += 1;
    }

    /// The connections of a process as the server sees them.
    fn connections(&mut self, process: u32) -> Option<Vec<Connection>> {
        let name = name(process);
        let used = "clock_timestamp() - query_start < interval '3 s'";
        let sql = format!(
            "SELECT {used}, client_port FROM pg_stat_activity WHERE application_name = '{name}'"
        );
        let rows = self.server.eyes.ask(&sql)?;
        let sockets = sockets(process);
        let connection = |row: &tokio_postgres::Row| Connection {
            is_used: row.get::<_, Option<bool>>(0) == Some(true),
            is_there: sockets.contains(&row.get::<_, i32>(1)),
        };
        Some(rows.iter().map(connection).collect())
    }
}

/// One is in use, and nothing is left of those that there were before.
fn is_well(connections: &[Connection]) -> bool {
    connections.iter().any(|connection| connection.is_used)
        && connections.iter().all(|connection| connection.is_there)
        && connections.len() <= CONNECTIONS
}

/// What the server has of a worker.
#[derive(Debug)]
struct Connection {
    /// Something was asked for in the last seconds.
    is_used: bool,
    /// Its other end is there, too: if not, the worker has given it up, and the server does not know yet.
    is_there: bool,
}

/// The ports of the connections on a process's host.
fn sockets(process: u32) -> Vec<i32> {
    let sockets = std::fs::read_to_string(format!("/proc/{process}/net/tcp")).unwrap_or_default();
    let port = |line: &str| {
        let mut words = line.split_whitespace().skip(1);
        let (local, _, state) = (words.next()?, words.next()?, words.next()?);
        let established = state == "01";
        let (_, port) = local.split_once(':').filter(|_| established)?;
        i32::from_str_radix(port, 16).ok()
    };
    sockets.lines().filter_map(port).collect()
}

impl Trouble for Hosts {
    fn begins(&mut self, crew: &mut Crew, lease: Duration) {
        self.server.begins(crew, lease);
        self.is_long = true;
        self.cut(0, Cut::Silent, LONG);
        self.cut(1, Cut::Unplugged, lease * 3);
        self.cut(2, Cut::Deaf, lease * 3);
        self.kill(2, crew);
    }

    fn happens(&mut self, crew: &mut Crew, chance: &mut fastrand::Rng, lease: Duration) {
        let host = chance.usize(0..self.cut.len());
        if host == 0 && self.is_long {
            return;
        }
        match chance.u8(0..8) {
            0..3 => {
                let how = [Cut::Unplugged, Cut::Silent, Cut::Deaf];
                let how = *chance.choice(&how).unwrap();
                self.cut(host, how, lease.mul_f64(1.0 + chance.f64() * 4.0));
            }
            3 => self.kill(host, crew),
            _ => {
                let on_it: Vec<_> = self.on(host, crew).collect();
                let which = *chance.choice(&on_it).unwrap();
                self.server.happens_to(which, crew, chance, lease);
            }
        }
    }

    fn passes(&mut self, crew: &mut Crew, all: bool) {
        for host in 0..self.cut.len() {
            let Some((how, until)) = self.cut[host] else {
                continue;
            };
            if all {
                sleep(until.saturating_duration_since(Instant::now()));
            }
            if until <= Instant::now() {
                self.on(host, crew).for_each(|which| crew.is_back(which));
                self.network.mend(&self.hosts()[host], how);
                self.cut[host] = None;
            }
        }
        self.is_long &= self.cut[0].is_some();
        crew.go_on(all);
    }

    /// Every worker is connected, by itself, and nothing is left of the connections that it had before.
    fn ends(&mut self, crew: &mut Crew) {
        let deadline = Instant::now() + PATIENCE;
        for which in 0..crew.len() {
            let process = crew.process(which);
            loop {
                let connections = self.connections(process);
                if connections.as_deref().is_some_and(is_well) {
                    break;
                }
                assert!(
                    Instant::now() < deadline,
                    "the connections of worker {which} are {connections:?}"
                );
                crew.is_at_work();
                sleep(Duration::from_millis(100));
            }
        }
    }

    fn tell(&self) -> String {
        let Self { cuts, killed, .. } = self;
        let server = self.server.tell();
        format!("; {cuts} cuts, {killed} times all of a host killed{server}")
    }
}
