//! Servers that tests need. Each is a Python package of a pinned version, which is installed once into a virtual
//! environment in cargo's target directory and started on a free port of the loopback address. It ends with the process
//! that started it, also if that is killed.
//!
//! Where a package cannot be had, or does not start, there is no server: the test says so and is skipped.
//!
//! | server | speaks |
//! |---|---|
//! | [`ministack`], [`moto`] | SQS |
//! | [`Faults`] | for any of them, with faults that a test asks for |

mod faults;
mod http;
mod install;
mod process;

use std::io::{self, Write as _};
use std::sync::OnceLock;

pub use faults::Faults;
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

fn shared(
    server: &'static OnceLock<Option<Server>>,
    start: impl FnOnce() -> Result<Server, String>,
) -> Option<&'static Server> {
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
