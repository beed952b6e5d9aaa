//! Servers that tests need, each started on a free port of the loopback address. They end with the process that started
//! them, also if that is killed. PostgreSQL is that of the system, or is installed from Debian where that can be done; the
//! others are Python packages of pinned versions, installed once into virtual environments in cargo's target directory.
//!
//! Where a package cannot be had, or does not start, there is no server: the test says so and is skipped.
//!
//! | server | speaks |
//! |---|---|
//! | [`ministack`], [`moto`] | SQS |
//! | [`osmem`], [`noida`] | Elasticsearch |
//! | [`postgres`], [`Cluster`] | PostgreSQL |
//! | [`Pooler`] | the same, with a connection of the server for each transaction |
//! | [`Faults`] | for any of them, with faults that a test asks for |
//!
//! [`Network`] has hosts of their own, which can be cut off.

mod faults;
mod http;
mod install;
mod network;
mod postgres;
mod process;

use std::io::{self, Write as _};
use std::sync::OnceLock;

pub use faults::Faults;
pub use network::{Cut, Host, Network};
pub use postgres::{Cluster, Pooler};
pub use process::Server;

/// An SQS server that keeps time: leases, delays, long polls and redrive are those of AWS. One for the whole process, so
/// let each test have queues of its own.
#[must_use]
pub fn ministack() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    shared(&SERVER, || {
        Server::start("ministack", &[], "/_ministack/health")
    })
}

/// A second opinion on SQS. It becomes slow with hundreds of messages.
#[must_use]
pub fn moto() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    let arguments = ["-H", "127.0.0.1", "-p", "{port}"];
    shared(&SERVER, || Server::start("moto", &arguments, "/moto-api/"))
}

/// A server of Elasticsearch's protocol that looks closely at what it is given, as OpenSearch does; in memory. One for the
/// whole process, so let each test have an index of its own.
#[must_use]
pub fn osmem() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    let arguments = ["-addr", "127.0.0.1:{port}", "-no-stdin-watch"];
    shared(&SERVER, || Server::start("osmem", &arguments, "/"))
}

/// A second one, as Elasticsearch itself in what it says.
#[must_use]
pub fn noida() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    let arguments = [
        "start",
        "--data-dir",
        "{home}/data",
        "--host",
        "127.0.0.1",
        "--only",
        "elasticsearch",
        "--elasticsearch-port",
        "{port}",
    ];
    shared(&SERVER, || Server::start("noida", &arguments, "/"))
}

/// A PostgreSQL server. One for the whole process, so let each test have a schema or a database of its own, and tests that
/// stop it a [`Cluster`] of their own.
#[must_use]
pub fn postgres() -> Option<&'static Cluster> {
    static SERVER: OnceLock<Option<Cluster>> = OnceLock::new();
    shared(&SERVER, Cluster::start)
}

fn shared<S>(
    server: &'static OnceLock<Option<S>>,
    start: impl FnOnce() -> Result<S, String>,
) -> Option<&'static S> {
    server.get_or_init(|| or_skip(start())).as_ref()
}

/// What cannot be started is told, and not there.
fn or_skip<T>(started: Result<T, String>) -> Option<T> {
    started.inspect_err(|problem| skipped(problem)).ok()
}

/// Says that a test, or a part of it, is skipped, and why. The output of tests that pass is not shown; this is, and
/// `./check` repeats it at its end.
pub fn skipped(why: &str) {
    // Not `eprintln!`, which is captured.
    let _ = writeln!(io::stderr(), "skipped: {why}");
}
