//! Queues in a file.

mod admin;
mod join;
mod kinds;
mod look;
mod schema;
mod settling;
mod store;
mod thread;

use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::thread::Builder;
use std::time::{Duration, Instant};

use pipeline_runtime::Name;
use pipeline_runtime::private::{held, held_briefly};
use pipeline_runtime::queue::{
    Ask, Nack, Outgoing, Profile, Queue, QueueError, Receipt, Received, Unsettled,
};
use rusqlite::{Connection, Transaction};
use tokio::runtime;
use tokio::sync::{OnceCell, mpsc, oneshot};

pub(in crate::sqlite) use join::join;
pub(in crate::sqlite) use schema::queues;
pub use settling::Settling;

use crate::body::QueueBody;
use crate::sqlite::{OpenError, Sqlite, SqliteBuilder, Synchronous};
use kinds::Kinds;
use store::{Settle, Store};
use thread::{Receive, Request, Thread, WAITING};

/// The lease, where nothing else is said.
const LEASE: Duration = Duration::from_secs(30);
/// A receive may bring nothing sooner than it was asked to.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);
/// The most messages of one receive, where nothing else is said.
const RECEIVES: usize = 512;
/// Entries that are settled at once. There is no round trip to save; it keeps transactions short.
const SETTLES: usize = 1024;

impl Sqlite {
    /// The queue of this name in the file, to be described and opened.
    ///
    /// Any number of processes on one machine may open it, send to it and receive from it at the same time. The file
    /// may hold any number of queues, and other tables too; those of the queues begin with `brigade_queue`.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::{Duration, Instant};
    ///
    /// use pipeline_connectors::database::Sqlite;
    /// use pipeline_connectors::queue::SqliteQueue;
    /// use pipeline_runtime::queue::{Ask, Outgoing, Queue};
    ///
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("work.db");
    /// let db = Sqlite::open(path)?;
    /// let reports: SqliteQueue = db.queue("reports").lease(Duration::from_secs(60)).open()?;
    /// reports.send(vec![Outgoing::new("one".into()).id("report 1")]).await?;
    ///
    /// let received = reports.receive(Ask::new(10, Duration::from_secs(1))).await?;
    /// assert_eq!((&*received[0].id, &*received[0].body), ("report 1", "one"));
    /// reports.ack(vec![received[0].receipt.clone()]).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn queue<B: QueueBody>(&self, name: impl Into<String>) -> SqliteQueueBuilder<B> {
        SqliteQueueBuilder {
            file: self.file().clone(),
            name: name.into(),
            synchronous: Synchronous::Full,
            lease: LEASE,
            receives: RECEIVES,
            bodies: PhantomData,
        }
    }
}

/// Describes a queue; [`Sqlite::queue`] begins it.
#[derive(Debug, Clone)]
#[must_use = "nothing is opened before `open`"]
pub struct SqliteQueueBuilder<B = String> {
    file: SqliteBuilder,
    name: String,
    synchronous: Synchronous,
    lease: Duration,
    receives: usize,
    bodies: PhantomData<fn() -> B>,
}

impl<B: QueueBody> SqliteQueueBuilder<B> {
    /// For how long a received message is hidden from others, unless that is extended. The default is 30 seconds.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// The most messages that one receive brings, at least 1. The default is 512: each is a transaction.
    pub fn receives(mut self, most: usize) -> Self {
        self.receives = most.max(1);
        self
    }

    /// When to wait for the disk. With [`Synchronous::Full`], the default, what was sent, acknowledged or released stays
    /// so after a power failure; leases never wait for the disk. A crash of the program undoes nothing with any of them.
    pub fn synchronous(mut self, synchronous: Synchronous) -> Self {
        self.synchronous = synchronous;
        self
    }

    /// Opens it, and makes it first if there is none. `B` is `String` or `Vec<u8>`, for all who use the queue alike.
    ///
    /// Blocks, for the busy timeout at most.
    ///
    /// # Errors
    ///
    /// Those of [`SqliteBuilder::open`]; and if the file holds queues of another version, or this one with other bodies.
    pub fn open(mut self) -> Result<SqliteQueue<B>, OpenError> {
        self.file = self.file.synchronous(self.synchronous);
        let file = self.file.clone();
        let prepare =
            |transaction: &Transaction<'_>| schema::prepare(transaction, &self.name, B::KIND);
        let (connection, known) = file.open_with(prepare)?;
        let store = Store::new(connection, self.name.clone(), known);
        self.start(store)
            .map_err(|error| OpenError::of_thread(file.path(), &error))
    }

    fn start(self, store: Store) -> std::io::Result<SqliteQueue<B>> {
        let (requests, receiver) = mpsc::channel(WAITING);
        let (queue, prefix) = (store.queue, store.prefix.clone());
        let thread = Thread {
            store,
            lease: self.lease,
            durable: self.synchronous == Synchronous::Full,
            waited: self.file.waited(),
            back: requests.downgrade(),
            requests: receiver,
            receives: VecDeque::new(),
        };
        let name = format!("{}/{}", self.file.name(), self.name);
        // The thread's own: it waits for requests, and for nothing else.
        let runtime = runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        let named = Builder::new().name(name.replace('\0', " "));
        named.spawn(move || runtime.block_on(thread.run()))?;
        Ok(SqliteQueue(Arc::new(Inner {
            requests,
            name: name.into(),
            place: place(&self.file, &self.name),
            file: self.file,
            queue,
            prefix,
            beside: OnceCell::new(),
            profile: Profile::new(self.lease, self.receives, SETTLES).kinds(),
        })))
    }
}

/// What tells a queue from others: its name is that of something in the file, which is no folder.
fn place(file: &SqliteBuilder, name: &str) -> Arc<str> {
    format!("{}/{name}", file.place()).into()
}

/// The name of the queue at this place, if it lies in this file.
pub(in crate::sqlite) fn in_file<'p>(place: &'p str, file: &str) -> Option<&'p str> {
    place.strip_prefix(file)?.strip_prefix('/')
}

/// A queue in a SQLite file.
///
/// Clones are the same queue. A thread of its own, which ends with the last of them, serves all requests that are
/// waiting in one transaction, so that many small ones cost one `fsync`.
///
/// - The most urgent message comes first, of one priority the oldest; one that comes again, too. Of a group only the oldest comes, and the next when that
///   is acknowledged.
/// - A receive that waits is woken by what is sent through this handle or its clones; what other processes send, and
///   what is due again, it finds within 20 ms.
/// - The name that a sender gives a message is its id, and taken until the message is acknowledged: another of that name
///   is not stored meanwhile, unless it has an [`Outgoing::dedup`] of its own, which is taken for as long.
/// - It can be asked for some [kinds](Outgoing::kind) of messages only.
/// - Leases and delays end, and messages expire, by the clock of the machine. If it is set back, leases and delays begin anew, so that none lasts longer
///   than twice its time; if it is set forward they end early, and messages may come again while they are worked on.
/// - A message that another program has written and that cannot be read, since its body is of another type or no UTF-8,
///   holds up no other: the receive that finds it moves it to the table `brigade_queue_set_aside` of the same file, with
///   the reason, and warns. It stays there until you put it back or delete it.
/// - What an [operator](pipeline_runtime::queue::Admin) asks goes over a connection of its own, opened when it is first
///   needed: who reads holds up nobody, and who removes many messages, others that write for a few milliseconds at a time.
/// - If the disk is full, what needs room fails with an error that is [away](pipeline_runtime::ErrorKind::Away), and
///   nothing is lost.
pub struct SqliteQueue<B: QueueBody = String>(Arc<Inner<B>>);

struct Inner<B> {
    requests: mpsc::Sender<Request<B>>,
    name: Name,
    file: SqliteBuilder,
    /// What tells this queue from others.
    place: Arc<str>,
    /// Its number.
    queue: i64,
    /// What the ids of messages without a name begin with: that of the file.
    prefix: String,
    /// For what an operator asks, beside the thread; opened when it is first needed.
    beside: OnceCell<Sqlite>,
    profile: Profile,
}

impl<B: QueueBody> SqliteQueue<B> {
    async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<T, QueueError>>) -> Request<B>,
    ) -> Result<T, QueueError> {
        let ended = || QueueError::closed("the queue's thread has ended; open it again");
        let (answer, answered) = oneshot::channel();
        let sent = self.0.requests.send(request(answer)).await;
        sent.map_err(|_| ended())?;
        answered.await.map_err(|_| ended())?
    }

    async fn settle(
        &self,
        settle: Settle,
        receipts: Vec<Receipt>,
    ) -> Result<Vec<Unsettled>, QueueError> {
        if receipts.is_empty() {
            return Ok(Vec::new());
        }
        let settling = self.ask(|answer| Request::Settle(settle, receipts, answer));
        held("the queue", settling).await
    }
}

impl<B: QueueBody> Queue for SqliteQueue<B> {
    type Body = B;

    fn name(&self) -> Name {
        self.0.name.clone()
    }

    fn profile(&self) -> Profile {
        self.0.profile
    }

    async fn receive(&self, ask: Ask) -> Result<Vec<Received<B>>, QueueError> {
        let Ask {
            max, wait, kinds, ..
        } = ask;
        let kinds = Kinds::new(kinds);
        let max = max.min(self.0.profile.receives);
        let until = Instant::now() + wait.min(LONGEST_WAIT);
        let receive = |answer| {
            Request::Receive(Receive {
                max,
                kinds,
                until,
                answer,
            })
        };
        // It waits for messages, perhaps for as long as it may.
        Ok(held_briefly("the queue", self.ask(receive)).await?.take())
    }

    async fn ack(&self, receipts: Vec<Receipt>) -> Result<Vec<Unsettled>, QueueError> {
        self.settle(Settle::Ack, receipts).await
    }

    async fn nack(
        &self,
        receipts: Vec<Receipt>,
        delay: Duration,
    ) -> Result<Vec<Unsettled>, QueueError> {
        let nacks = receipts.into_iter().map(Nack::new);
        self.nack_failed(nacks.collect(), delay).await
    }

    async fn nack_failed(
        &self,
        nacks: Vec<Nack>,
        delay: Duration,
    ) -> Result<Vec<Unsettled>, QueueError> {
        if nacks.is_empty() {
            return Ok(Vec::new());
        }
        let settling = self.ask(|answer| Request::Nack(delay, nacks, answer));
        held("the queue", settling).await
    }

    async fn extend(
        &self,
        receipts: Vec<Receipt>,
        lease: Duration,
    ) -> Result<Vec<Unsettled>, QueueError> {
        self.settle(Settle::Extend(lease), receipts).await
    }

    fn tells_begun(&self) -> bool {
        true
    }

    async fn mark_begun(&self, receipts: Vec<Receipt>) -> Result<Vec<Unsettled>, QueueError> {
        self.settle(Settle::Begin, receipts).await
    }

    async fn give_back(&self, receipts: Vec<Receipt>) -> Result<Vec<Unsettled>, QueueError> {
        self.settle(Settle::Return, receipts).await
    }

    async fn send(&self, messages: Vec<Outgoing<B>>) -> Result<Vec<Unsettled>, QueueError> {
        if messages.is_empty() {
            return Ok(Vec::new());
        }
        let sending = self.ask(|answer| Request::Send(messages, answer));
        held("the queue", sending).await
    }

    fn place(&self) -> Option<Arc<str>> {
        Some(Arc::clone(&self.0.place))
    }
}

impl<B: QueueBody> Clone for SqliteQueue<B> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<B: QueueBody> fmt::Debug for SqliteQueue<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SqliteQueue").field(&self.0.name).finish()
    }
}

impl Store {
    fn new(connection: Connection, name: String, known: schema::Known) -> Self {
        let schema::Known { queue, prefix } = known;
        connection.set_prepared_statement_cache_capacity(32);
        Self {
            connection,
            queue,
            name,
            prefix,
        }
    }
}
