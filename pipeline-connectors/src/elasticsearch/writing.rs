//! One write: its requests are sent until each document has an outcome, or patience ends.

use std::time::Duration;

use pipeline_runtime::ErrorKind;
use pipeline_runtime::sink::Written;
use tokio::time::{Instant, sleep};

use super::answer::{Answer, Outcome};
use super::core::{Core, Fate};
use super::error::{BulkError, DocumentError, Why};
use super::gather::Unfit;
use super::request::{Document, Request};

/// What is smaller is not too large for any server: that its connection ends is another's fault.
const SMALL: usize = 64 * 1024;
/// A connection that ends so often under the same documents ends because of them.
const TWICE: u32 = 2;
/// The same of a single document, which fails then.
const OFTEN: u32 = 4;

/// What has become of the documents so far.
#[derive(Debug)]
pub(super) struct Writing<'a> {
    core: &'a Core,
    pub(super) written: Written,
    /// Since when nothing was written or refused.
    since: Instant,
    pauses: u32,
}

/// The write cannot go on: from this item on nothing is told.
#[derive(Debug)]
pub(super) struct Stopped {
    pub(super) error: BulkError,
    pub(super) item: usize,
}

impl<'a> Writing<'a> {
    pub(super) fn new(core: &'a Core) -> Self {
        Self {
            core,
            written: Written::all(),
            since: Instant::now(),
            pauses: 0,
        }
    }

    /// These are no documents.
    pub(super) fn unfit(&mut self, unfit: impl IntoIterator<Item = Unfit>) {
        for ((item, part), id, why) in unfit {
            self.fail(item, part, id, why);
        }
    }

    /// Sends a request, and what it is divided into.
    pub(super) async fn send(&mut self, request: Request) -> Result<(), Stopped> {
        // The last one is the next.
        let mut open = vec![request];
        while let Some(request) = open.pop() {
            let stopped = match self.step(request, &mut open).await {
                Ok(()) => continue,
                Err(stopped) => stopped,
            };
            let items = open.iter().flat_map(|request| &request.documents);
            let first = items.map(|document| document.at.0).min();
            let item = first.map_or(stopped.item, |first| stopped.item.min(first));
            return Err(Stopped { item, ..stopped });
        }
        Ok(())
    }

    async fn step(&mut self, mut request: Request, open: &mut Vec<Request>) -> Result<(), Stopped> {
        self.quiet(&request).await?;
        let answer = match self.core.ask(&request).await {
            Fate::Answered(answer) => answer,
            Fate::Broken(why) => return self.broken(request, why, open).await,
        };
        match answer {
            Answer::Documents(outcomes) => return self.outcomes(request, outcomes, open).await,
            Answer::TooLarge(why) | Answer::Refused(why) if request.is_single() => {
                self.alone(request, &why);
            }
            Answer::TooLarge(_) => {
                self.core.is_too_large(request.bytes());
                self.halve(request, open);
            }
            Answer::Refused(_) => self.halve(request, open),
            Answer::Later(why, _) => {
                // The server is as it is: what ended before had another reason.
                request.breaks = 0;
                self.again(request, why, open).await?;
            }
            Answer::Closed(why) => return Err(self.stopped(&request, ErrorKind::Closed, why)),
        }
        Ok(())
    }

    /// What became of each document; those for which there was no room are sent again, and no others.
    async fn outcomes(
        &mut self,
        request: Request,
        outcomes: Vec<Outcome>,
        open: &mut Vec<Request>,
    ) -> Result<(), Stopped> {
        let (mut later, mut last) = (Vec::new(), None);
        let mut closed = None;
        for (document, outcome) in request.documents.into_iter().zip(outcomes) {
            match outcome {
                Outcome::Written => {
                    self.core.stats.written();
                    self.goes_on();
                }
                Outcome::Refused(why) => {
                    let (item, part) = document.at;
                    self.fail(item, part, document.id(), why);
                }
                Outcome::Later(why) => {
                    last = Some(why);
                    later.push(document);
                }
                Outcome::Closed(why) => {
                    let item = closed.as_ref().map_or(document.at.0, |(item, _)| *item);
                    closed = Some((item, why));
                }
            }
        }
        if let Some((item, why)) = closed {
            let first = later
                .first()
                .map_or(item, |document: &Document| document.at.0);
            let error = self.core.error(ErrorKind::Closed, refuses(&why));
            let item = item.min(first);
            return Err(Stopped { error, item });
        }
        match last {
            Some(why) => {
                let why = refuses(&why);
                self.again(Request::new(later), why, open).await
            }
            None => Ok(()),
        }
    }

    /// The connection ended. That may be how a server says that a request is too large, also while it is sent.
    async fn broken(
        &mut self,
        mut request: Request,
        why: Why,
        open: &mut Vec<Request>,
    ) -> Result<(), Stopped> {
        request.breaks += 1;
        let bytes = request.bytes();
        if bytes > SMALL && !request.is_single() && request.breaks >= TWICE {
            self.core.is_too_large(bytes);
            self.halve(request, open);
            return Ok(());
        }
        let often = bytes > SMALL && request.is_single() && request.breaks >= OFTEN;
        if often && self.core.client.is_there().await {
            let text = format!(
                "the server answers, but ends the connection each time this document of {bytes} bytes is sent ({OFTEN} times); it may be too large for it"
            );
            self.alone(request, &Why::of(text));
            return Ok(());
        }
        self.again(request, why, open).await
    }

    /// The only document of a request is refused.
    fn alone(&mut self, request: Request, why: &Why) {
        let bytes = request.bytes();
        for document in request.documents {
            let why = match why.status {
                Some(413) => Why::said(413, format!("of {bytes} bytes, the server {}", why.text)),
                Some(status) => Why::said(status, format!("the server {}", why.text)),
                None => why.clone(),
            };
            let (item, part) = document.at;
            self.fail(item, part, document.id(), why);
        }
    }

    fn halve(&mut self, request: Request, open: &mut Vec<Request>) {
        self.core.stats.halved();
        let [first, second] = request.halves();
        open.push(second);
        open.push(first);
    }

    /// Sends these again, after a pause; or stops, where nothing came of anything for too long.
    async fn again(
        &mut self,
        request: Request,
        why: Why,
        open: &mut Vec<Request>,
    ) -> Result<(), Stopped> {
        self.core.stats.again(request.documents.len());
        let left = self.left();
        if left.is_zero() {
            return Err(self.stopped(&request, ErrorKind::Away, why));
        }
        let longest = self.core.longest_pause;
        let pause = self
            .core
            .first_pause
            .saturating_mul(1 << self.pauses.min(20));
        let pause = pause.min(longest).mul_f64(1.0 + fastrand::f64());
        self.pauses += 1;
        sleep(pause.min(left)).await;
        open.push(request);
        Ok(())
    }

    /// Waits while the server does not want to be asked.
    async fn quiet(&mut self, request: &Request) -> Result<(), Stopped> {
        loop {
            let quiet = self.core.is_quiet_for();
            if quiet.is_zero() {
                return Ok(());
            }
            let left = self.left();
            if left.is_zero() {
                let text = format!("does not want to be asked for another {quiet:?}");
                return Err(self.stopped(request, ErrorKind::Away, Why::of(text)));
            }
            sleep(quiet.min(left)).await;
        }
    }

    /// Of patience.
    fn left(&self) -> Duration {
        self.core.patience.saturating_sub(self.since.elapsed())
    }

    fn goes_on(&mut self) {
        self.since = Instant::now();
        self.pauses = 0;
    }

    fn fail(&mut self, item: usize, part: Option<usize>, id: Option<String>, why: Why) {
        self.core.stats.failed();
        self.goes_on();
        let error = DocumentError::new(&self.core.index, id, why);
        match part {
            Some(part) => self.written.fail_part(item, part, error),
            None => self.written.fail(item, error),
        }
    }

    fn stopped(&self, request: &Request, kind: ErrorKind, why: Why) -> Stopped {
        let items = request.documents.iter().map(|document| document.at.0);
        Stopped {
            error: self.core.error(kind, why),
            item: items.min().unwrap_or_default(),
        }
    }
}

/// What is said of one document, said of the server.
fn refuses(why: &Why) -> Why {
    let text = format!("refuses documents: {}", why.text);
    let status = why.status;
    Why { text, status }
}
