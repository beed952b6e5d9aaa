//! What is to be watched, and who may look.

use std::fmt;
use std::future::Future;

use pipeline_runtime::queue::Admin;
use pipeline_runtime::{BoxError, Budget, Handle};
use pipeline_service::Control;

use crate::tap::Tap;
use crate::watched::Watched;

/// What is watched while it runs, on one page: pipelines, services with all of their processes, queues, letters and budgets.
///
/// The page shows for each pipeline its stages as a graph: how many items a second go through, what the workers do with their
/// time, who holds the others up and what would help, how much waits between the stages, and what fails. `/metrics` says the same
/// to Prometheus, `/healthz` and `/readyz` are for whoever looks after the program, and `/api/state` is the page's own source, as
/// JSON.
///
/// Nothing runs, and nothing is collected, until it is [served](Self::serve). Then there is a thread that waits for connections,
/// and pipelines keep their last failures for it. What it shows is read once a second while somebody looks, and until ten seconds
/// after. Nothing of it is in the way of an item.
///
/// # Who may look
///
/// It listens on the machine's own address alone, unless [`allow_remote`](Self::allow_remote) says otherwise, and answers only who
/// reaches it by one of that address's names. What the items say, as causes of failures do, and all that changes something is only
/// for those who have the token, which is in [`Served::url`](crate::Served::url). `/metrics` and the probes are open there, and say nothing of items.
///
/// # Examples
///
/// ```no_run
/// # async fn f(running: pipeline_runtime::Running) -> Result<(), Box<dyn std::error::Error>> {
/// use pipeline_watch::Page;
///
/// let page = Page::new().watch("posts", &running);
/// let served = page.serve("127.0.0.1:0").await?;
/// println!("{}", served.url());
/// # Ok(())
/// # }
/// ```
#[derive(Default)]
#[must_use = "a page is not there until it is served"]
pub struct Page {
    pub(crate) watched: Watched,
    pub(crate) token: Option<String>,
    pub(crate) is_remote: bool,
    pub(crate) is_encrypted: bool,
    pub(crate) hosts: Vec<String>,
    pub(crate) open_metrics: bool,
    pub(crate) read_only: bool,
}

impl Page {
    /// A page of nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Shows a pipeline that runs: `&running`, or a [`Handle`] of it. A name that is there already gets a number.
    pub fn watch(mut self, name: impl Into<String>, pipeline: impl Into<Handle>) -> Self {
        self.watched.pipeline(name.into(), pipeline.into());
        self
    }

    /// Shows a service that runs, with all of its processes: `&running`, or a [`Control`] of it.
    pub fn service(mut self, service: impl Into<Control>) -> Self {
        self.watched.service(service.into());
        self
    }

    /// Shows how many messages a queue has, and in what states. It is asked once a second while somebody looks, and by no
    /// scrape of `/metrics` that is less than a second after the last one.
    pub fn queue(mut self, name: impl Into<String>, queue: impl Admin) -> Self {
        self.watched.queue(name.into(), queue);
        self
    }

    /// Shows how many dead letters there are, or anything else that is to be counted, once a second while somebody looks.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn f() {
    /// # struct Letters; impl Letters { async fn count(&self) -> Result<u64, std::io::Error> { Ok(0) } }
    /// # let letters = std::sync::Arc::new(Letters);
    /// # use pipeline_watch::Page;
    /// let page = Page::new().letters("dead.db", move || {
    ///     let letters = letters.clone();
    ///     async move { letters.count().await }
    /// });
    /// # let _ = page;
    /// # }
    /// ```
    pub fn letters<F, C, E>(mut self, name: impl Into<String>, count: F) -> Self
    where
        F: Fn() -> C + Send + Sync + 'static,
        C: Future<Output = Result<u64, E>> + Send + 'static,
        E: Into<BoxError> + 'static,
    {
        self.watched.letters(name.into(), count);
        self
    }

    /// Shows a budget by a name; those of the inputs are shown with their pipelines anyway.
    pub fn budget(mut self, name: impl Into<String>, budget: &Budget) -> Self {
        self.watched.budget(name.into(), budget.clone());
        self
    }

    /// Shows some of the items that go by a [`Tap`], to those who have the token.
    pub fn tap(mut self, tap: &Tap) -> Self {
        self.watched.taps.push(tap.clone());
        self
    }

    /// The token, in place of a random one: at least 16 bytes, which nobody can guess.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// It may listen on an address that other machines reach. Then it needs a [`token`](Self::token) of yours and
    /// [`hosts`](Self::hosts), and it is to stand [behind a proxy](Self::behind_proxy).
    pub fn allow_remote(mut self) -> Self {
        self.is_remote = true;
        self
    }

    /// What other machines say to it is encrypted by something in front of it. It speaks no TLS itself: without that, the token
    /// would go over the wire for all to read.
    pub fn behind_proxy(mut self) -> Self {
        self.is_encrypted = true;
        self
    }

    /// The names under which it is reached, besides those of this machine: `watch.example.org`, without a port. Who comes by
    /// another one gets nothing, which is what keeps foreign sites from reading the page through a browser.
    pub fn hosts<H: Into<String>>(mut self, hosts: impl IntoIterator<Item = H>) -> Self {
        self.hosts.extend(hosts.into_iter().map(Into::into));
        self
    }

    /// `/metrics` needs no token, also where other machines reach it.
    pub fn open_metrics(mut self) -> Self {
        self.open_metrics = true;
        self
    }

    /// Nobody changes anything through this page, with or without the token.
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page")
            .field("watched", &self.watched)
            .finish_non_exhaustive()
    }
}
