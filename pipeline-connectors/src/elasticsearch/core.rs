//! What all writes of a sink share, whatever their items are.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hyper::Method;
use pipeline_runtime::{ErrorKind, Name};
use tokio::time::Instant;

use super::answer::{self, Answer};
use super::client::{Client, Unanswered};
use super::error::{BulkError, Why};
use super::request::Request;
use super::stats::BulkStats;

/// Requests do not become smaller than this because larger ones were refused.
const SMALLEST: usize = 1024;

/// A server, an index, and how they are asked.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) client: Client,
    pub(super) index: String,
    pub(super) name: Name,
    /// The path of the index's `_bulk`.
    pub(super) path: String,
    pub(super) stats: BulkStats,
    pub(super) patience: Duration,
    pub(super) first_pause: Duration,
    pub(super) longest_pause: Duration,
    /// The most bytes of a request. It becomes less where the server refuses so much.
    pub(super) limit: AtomicUsize,
    /// The server does not want to be asked until then.
    pub(super) quiet: Mutex<Option<Instant>>,
}

/// What came of a request.
#[derive(Debug)]
pub(super) enum Fate {
    Answered(Answer),
    /// The connection ended before there was an answer.
    Broken(Why),
}

impl Core {
    /// Sends a request.
    pub(super) async fn ask(&self, request: &Request) -> Fate {
        self.stats.request(request.bytes());
        let asked = self
            .client
            .ask(Method::POST, &self.path, || request.body())
            .await;
        match asked {
            Ok(said) => {
                let count = request.documents.len();
                let answer = answer::read(said.status, &said.headers, &said.body, count);
                if let Answer::Later(_, Some(pause)) = &answer {
                    self.be_quiet(*pause);
                }
                Fate::Answered(answer)
            }
            Err(Unanswered::NoConnection(why)) => {
                self.stats.broken();
                let why = Why::of(format!("cannot be reached: {why}"));
                Fate::Answered(Answer::Later(why, None))
            }
            Err(Unanswered::Late) => {
                let within = self.client.within;
                let why = Why::of(format!("does not answer within {within:?}"));
                Fate::Answered(Answer::Later(why, None))
            }
            Err(Unanswered::Broken(why)) => {
                self.stats.broken();
                let why = format!("ends the connection before it has answered: {why}");
                Fate::Broken(Why::of(why))
            }
        }
    }

    fn be_quiet(&self, pause: Duration) {
        let until = Instant::now() + pause;
        let mut quiet = self.quiet.lock().unwrap_or_else(PoisonError::into_inner);
        *quiet = quiet.max(Some(until));
    }

    /// For how long the server does not want to be asked.
    pub(super) fn is_quiet_for(&self) -> Duration {
        let quiet = *self.quiet.lock().unwrap_or_else(PoisonError::into_inner);
        quiet.map_or(Duration::ZERO, |until| {
            until.saturating_duration_since(Instant::now())
        })
    }

    pub(super) fn limit(&self) -> usize {
        // Relaxed, as below: a request that is made a moment later may still have the size of before, and is halved.
        self.limit.load(Relaxed)
    }

    /// A request of so many bytes was too large.
    pub(super) fn is_too_large(&self, bytes: usize) {
        let most = (bytes / 2).max(SMALLEST);
        self.limit.fetch_min(most, Relaxed);
    }

    pub(super) fn error(&self, kind: ErrorKind, why: Why) -> BulkError {
        let place = format!("{}, index `{}`:", self.client.reach.address, self.index);
        let Why { text, status } = why;
        let text = match kind {
            ErrorKind::Refused => text,
            _ => format!("it {text}"),
        };
        BulkError::new(place, kind, Why { text, status })
    }
}
