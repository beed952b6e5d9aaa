//! What lies where: a place for each `--queue`. All else is the same for all of them.

mod files;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqs")]
mod sqs;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use brigade::BoxError;
use brigade::journal::Journal;
use brigade::queue::{DeadLetter, DeadLetters, Queue, Replayed};
use brigade::service::{Broadcast, Schedules};
use brigade::sink::Sink;
use test_servers::{Host, Network};
use tokio::process::Command;

pub use files::Files;
#[cfg(feature = "postgres")]
pub use postgres::Server;
#[cfg(feature = "sqs")]
pub use sqs::Sqs;

use crate::home::Home;
use crate::report::Row;

/// A worker that is killed has its messages for so long. Less than is usual: a run waits for the messages of the last that
/// was killed. More than any pause of a worker that lives, which tells the queue meanwhile that it still has them.
pub const LEASE: Duration = Duration::from_secs(5);

/// A tick, and how many users its worker had seen by then.
pub type Total = (String, u32);

/// Where messages are, and what comes of them.
pub trait Place: Sized + 'static {
    type Queue: Queue<Body = String> + Clone;
    type Journal: Journal + Clone;
    type Letters: DeadLetters + Clone;
    type Rows: Sink<Row> + Clone + Sync;
    type Totals: Sink<Total> + Clone + Sync;
    type Schedules: Schedules + Clone;
    type Books: Books;

    /// The directory of the run.
    fn home(&self) -> &Home;

    /// Begins a run, without what an earlier one has left: makes the queue, and what else the workers work with, and so finds
    /// now what would keep them from it.
    async fn begin(&self) -> Result<Self::Queue, BoxError>;

    /// That an earlier run is there.
    async fn is_begun(&self) -> Result<bool, BoxError>;

    async fn queue(&self) -> Result<Self::Queue, BoxError>;

    async fn tools(&self) -> Result<Tools<Self>, BoxError>;

    /// What the workers tell, and who listens hears.
    async fn outside(&self) -> Result<Broadcast<u32>, BoxError>;

    /// How many messages there are, leased ones included: as any program sees them, since an audit that asked the queue
    /// itself would believe it.
    async fn left(&self) -> Result<u64, BoxError>;

    /// The dead letters, the oldest first.
    async fn letters(&self) -> Result<Vec<DeadLetter>, BoxError>;

    /// Sends dead letters back: those with these ids, or all. If that is cut off in the midst of it, it can be done again.
    async fn replay(&self, ids: &[String]) -> Result<(), BoxError>;

    /// What can be read of it by any program.
    async fn books(&self) -> Result<Self::Books, BoxError>;

    /// The machines, if it is not this one: the server is on the first, workers run on the others.
    fn network(&self) -> Option<&Network> {
        None
    }

    /// Tells a worker process of this place.
    fn tell(&self, worker: &mut Command);
}

/// The machines that workers run on, if not on this one.
pub fn hosts(place: &impl Place) -> &[Host] {
    place.network().map_or(&[], |network| &network.hosts()[1..])
}

/// Where the archive listens, so that workers reach it.
pub fn archive(place: &impl Place) -> io::Result<TcpListener> {
    match place.network().map(|network| &network.hosts()[0]) {
        Some(host) => host.within(|| TcpListener::bind((host.address(), 0))),
        None => TcpListener::bind((Ipv4Addr::LOCALHOST, 0)),
    }
}

/// What a worker writes to.
pub struct Tools<P: Place> {
    pub journal: P::Journal,
    pub letters: P::Letters,
    pub rows: P::Rows,
    pub totals: P::Totals,
    pub schedules: P::Schedules,
}

/// What the audit reads, in SQL of its own.
pub trait Books {
    /// What was recorded since the last time, as `task/key`; what was seen may come again.
    async fn recorded(&mut self) -> Result<Vec<String>, BoxError>;

    /// How many messages have come to an end: rows and dead letters.
    async fn done(&self) -> Result<u64, BoxError>;

    async fn ends(&self) -> Result<Ends, BoxError>;

    /// How many events the workers have told, those included that they had no room for.
    async fn told(&self) -> Result<u64, BoxError>;
}

/// Rows of the table, and where the dead letters come from.
#[derive(Debug, Default)]
pub struct Ends {
    /// By number: how many.
    pub rows: HashMap<u32, u32>,
    /// By id: the stage that failed.
    pub letters: BTreeMap<String, String>,
    /// By tick: how many rows there are for it.
    pub ticks: BTreeMap<String, u32>,
}

/// That all that was to be sent back is.
fn all_sent(replayed: Replayed) -> Result<(), BoxError> {
    match replayed.unsent.into_iter().next() {
        Some(unsent) => Err(unsent.error.into()),
        None => Ok(()),
    }
}
