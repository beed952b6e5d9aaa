//! The thread that owns the file. It serves all requests that are waiting in one transaction, so that one `fsync` does
//! for all of them: while one transaction is being written, the requests for the next gather.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use pipeline_runtime::ErrorKind;
use pipeline_runtime::queue::{Nack, Outgoing, QueueError, Receipt, Received, Unsettled};
use rusqlite::{Connection, Error};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::kinds::Kinds;
use super::store::{Settle, Store};
use crate::body::QueueBody;
use crate::sqlite::{Connected, kind, leave_room, refused, with_room};

/// How many requests may wait for the next transaction.
pub(super) const WAITING: usize = 256;
/// How often the thread looks for what other processes have sent, and what is due again, while a receive waits.
pub(super) const POLL: Duration = Duration::from_millis(20);

type Answer<T> = oneshot::Sender<Result<T, QueueError>>;

/// What a handle asks for.
pub(super) enum Request<B> {
    Send(Vec<Outgoing<B>>, Answer<Vec<Unsettled>>),
    Settle(Settle, Vec<Receipt>, Answer<Vec<Unsettled>>),
    /// They come again after this long.
    Nack(Duration, Vec<Nack>, Answer<Vec<Unsettled>>),
    Receive(Receive<B>),
    /// A receive was dropped when its messages were leased already.
    Return(Vec<Receipt>),
}

pub(super) struct Receive<B> {
    pub(super) max: usize,
    pub(super) kinds: Kinds,
    pub(super) until: Instant,
    pub(super) answer: Answer<Leased<B>>,
}

/// Messages on their way to who asked for them. They go back if they do not arrive.
pub(super) struct Leased<B> {
    messages: Vec<Received<B>>,
    back: mpsc::WeakSender<Request<B>>,
}

impl<B> Leased<B> {
    pub(super) fn take(mut self) -> Vec<Received<B>> {
        std::mem::take(&mut self.messages)
    }
}

impl<B> Drop for Leased<B> {
    fn drop(&mut self) {
        if self.messages.is_empty() {
            return;
        }
        let receipts = self.messages.drain(..).map(|message| message.receipt);
        let request = Request::Return(receipts.collect());
        // If there is no room for it now, their lease ends later.
        if let Some(back) = self.back.upgrade() {
            let _ = back.try_send(request);
        }
    }
}

/// When a commit waits for the disk.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sync {
    /// Not at all: a lease that a power failure undoes is over anyway.
    Lazy,
    Durable,
}

/// What the thread knows.
pub(super) struct Thread<B> {
    pub(super) store: Store,
    pub(super) lease: Duration,
    /// Whether commits wait for the disk.
    pub(super) durable: bool,
    /// For how long a lock is waited for.
    pub(super) waited: Duration,
    pub(super) requests: mpsc::Receiver<Request<B>>,
    pub(super) back: mpsc::WeakSender<Request<B>>,
    pub(super) receives: VecDeque<Receive<B>>,
}

impl<B: QueueBody> Thread<B> {
    /// Serves requests until all handles are dropped.
    pub(super) async fn run(mut self) {
        let mut sync = None;
        while let Some(requests) = self.gather().await {
            let needs = if requests.iter().any(Request::is_durable) {
                Sync::Durable
            } else {
                Sync::Lazy
            };
            if self.durable && sync != Some(needs) {
                let value = if needs == Sync::Lazy {
                    "NORMAL"
                } else {
                    "FULL"
                };
                let set = self
                    .store
                    .connection
                    .pragma_update(None, "synchronous", value);
                sync = set.ok().map(|()| needs);
            }
            self.serve(requests);
            self.expire();
        }
    }

    /// The requests of the next transaction; none of them if there is something for a receive that waits. `None` at
    /// the end.
    async fn gather(&mut self) -> Option<Vec<Request<B>>> {
        loop {
            let mut requests = Vec::new();
            self.receives.retain(|receive| !receive.answer.is_closed());
            let first = match self.patience() {
                None => Some(self.requests.recv().await?),
                Some(patience) => match timeout(patience, self.requests.recv()).await {
                    Ok(request) => Some(request?),
                    Err(_) => None,
                },
            };
            let mut next = first;
            while let Some(request) = next {
                match request {
                    Request::Receive(receive) => self.receives.push_back(receive),
                    other => requests.push(other),
                }
                let full = requests.len() + self.receives.len() >= WAITING;
                next = (!full).then(|| self.requests.try_recv().ok()).flatten();
            }
            let kinds = Kinds::of_any(self.receives.iter().map(|receive| &receive.kinds));
            // An error shows again in the transaction, which can tell it.
            if !requests.is_empty() || self.store.is_due(kinds.as_ref()).unwrap_or(true) {
                return Some(requests);
            }
            self.expire();
        }
    }

    /// For how long to wait for a request; without a receive that waits, for ever.
    fn patience(&self) -> Option<Duration> {
        let first = self.receives.iter().map(|receive| receive.until).min()?;
        Some(first.saturating_duration_since(Instant::now()).min(POLL))
    }

    /// Answers the receives that have waited long enough.
    fn expire(&mut self) {
        let now = Instant::now();
        let receives = std::mem::take(&mut self.receives).into_iter();
        let (expired, waiting): (Vec<_>, Vec<_>) =
            receives.partition(|receive| receive.until <= now);
        self.receives = waiting.into();
        for receive in expired {
            let nothing = Leased {
                messages: Vec::new(),
                back: self.back.clone(),
            };
            let _ = receive.answer.send(Ok(nothing));
        }
    }

    /// One transaction for all; if it fails for a reason that may be that of one of them, one for each.
    fn serve(&mut self, requests: Vec<Request<B>>) {
        match with_room(self, |thread| thread.transaction(&requests, true)) {
            Ok(done) => self.answer(requests, done),
            Err(error) if requests.is_empty() || kind(&error) == ErrorKind::Away => {
                let error = || queue_error(&error, self.waited);
                refuse(requests, error);
                refuse_receives(self.receives.drain(..), error);
            }
            Err(_) => {
                for request in requests {
                    let alone = vec![request];
                    match with_room(self, |thread| thread.transaction(&alone, false)) {
                        Ok(done) => self.answer(alone, done),
                        Err(error) => refuse(alone, || queue_error(&error, self.waited)),
                    }
                }
                self.serve(Vec::new());
            }
        }
    }

    fn transaction(&self, requests: &[Request<B>], receives: bool) -> rusqlite::Result<Done<B>> {
        self.store
            .connection
            .prepare_cached("BEGIN IMMEDIATE")?
            .execute([])?;
        let done = leave_room(&self.store.connection);
        let done = done.and_then(|()| self.within(requests, receives));
        let done = done.and_then(|done| {
            self.store
                .connection
                .prepare_cached("COMMIT")?
                .execute([])?;
            Ok(done)
        });
        if done.is_err() && !self.store.connection.is_autocommit() {
            // Some errors have rolled it back already; what fails here will fail at the next `BEGIN` and be told there.
            let _ = self.store.connection.execute_batch("ROLLBACK");
        }
        done
    }

    fn within(&self, requests: &[Request<B>], receives: bool) -> rusqlite::Result<Done<B>> {
        let store = &self.store;
        let now = store.begin()?;
        let mut done = Done::default();
        for request in requests {
            done.replies.push(match request {
                Request::Send(messages, _) => Reply::Settled(store.send(now, messages)?),
                Request::Settle(settle, receipts, _) => {
                    Reply::Settled(store.settle(now, *settle, receipts)?)
                }
                Request::Nack(delay, nacks, _) => Reply::Settled(store.nack(now, *delay, nacks)?),
                Request::Return(receipts) => {
                    Reply::Settled(store.settle(now, Settle::Return, receipts)?)
                }
                Request::Receive(_) => Reply::Settled(Vec::new()),
            });
        }
        for receive in self.receives.iter().filter(|_| receives) {
            let messages = store.lease(now, receive.max, &receive.kinds, self.lease)?;
            // Then there is nothing for anybody.
            if messages.is_empty() && receive.kinds.are_all() {
                break;
            }
            done.leased.push(messages);
        }
        Ok(done)
    }

    fn answer(&mut self, requests: Vec<Request<B>>, done: Done<B>) {
        // Who asked may have gone meanwhile.
        for (request, reply) in requests.into_iter().zip(done.replies) {
            if let Request::Send(_, answer)
            | Request::Settle(_, _, answer)
            | Request::Nack(_, _, answer) = request
                && let Reply::Settled(unsettled) = reply
            {
                let _ = answer.send(Ok(unsettled));
            }
        }
        if done.leased.is_empty() {
            return;
        }
        let mut leased = done.leased.into_iter();
        for receive in std::mem::take(&mut self.receives) {
            let messages = leased.next().unwrap_or_default();
            if messages.is_empty() {
                self.receives.push_back(receive);
                continue;
            }
            let back = self.back.clone();
            let _ = receive.answer.send(Ok(Leased { messages, back }));
        }
    }
}

impl<B> Connected for Thread<B> {
    fn connection(&self) -> &Connection {
        &self.store.connection
    }
}

fn refuse<B>(requests: Vec<Request<B>>, error: impl Fn() -> QueueError) {
    for request in requests {
        match request {
            Request::Send(_, answer)
            | Request::Settle(_, _, answer)
            | Request::Nack(_, _, answer) => {
                let _ = answer.send(Err(error()));
            }
            Request::Receive(_) | Request::Return(_) => {}
        }
    }
}

fn refuse_receives<B>(receives: impl Iterator<Item = Receive<B>>, error: impl Fn() -> QueueError) {
    for receive in receives {
        let _ = receive.answer.send(Err(error()));
    }
}

impl<B> Request<B> {
    /// Whether who asked may rely on it after a power failure.
    fn is_durable(&self) -> bool {
        match self {
            Self::Send(..) | Self::Settle(Settle::Ack, ..) | Self::Nack(..) => true,
            Self::Settle(Settle::Extend(_) | Settle::Begin | Settle::Return, ..)
            | Self::Receive(_)
            | Self::Return(_) => false,
        }
    }
}

/// What a transaction did, to be told when it is committed.
struct Done<B> {
    replies: Vec<Reply>,
    /// For the first of the receives that wait, in their order; for some of them nothing.
    leased: Vec<Vec<Received<B>>>,
}

impl<B> Default for Done<B> {
    fn default() -> Self {
        Self {
            replies: Vec::new(),
            leased: Vec::new(),
        }
    }
}

enum Reply {
    Settled(Vec<Unsettled>),
}

/// A full disk, a lock and a want of file descriptors pass; a damaged file does not.
pub(super) fn queue_error(error: &Error, waited: Duration) -> QueueError {
    let why = refused(error, waited);
    match kind(error) {
        ErrorKind::Away => QueueError::away(why),
        _ => QueueError::closed(why),
    }
}
