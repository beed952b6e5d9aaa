//! What is to be watched, and how it is served.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use pipeline_runtime::queue::Admin;
use pipeline_runtime::{BoxError, Budget, Handle};
use pipeline_service::Control;

use crate::error::ServeError;
use crate::metrics::Metrics;
use crate::routes::{Shared, router};
use crate::served::Served;
use crate::server::{self, Gate, Hosts, Listening};
use crate::state::Looks;
use crate::token::Token;
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
/// for those who have the token, which is in [`Served::url`]. `/metrics` and the probes are open there, and say nothing of items.
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
    watched: Watched,
    token: Option<String>,
    is_remote: bool,
    hosts: Vec<String>,
    open_metrics: bool,
    read_only: bool,
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

    /// The token, in place of a random one: at least 16 bytes, which nobody can guess.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// It may listen on an address that other machines reach. Then it needs a [`token`](Self::token) of yours, and
    /// [`hosts`](Self::hosts). It speaks no TLS: the token goes over the wire as it is, unless something in front of it encrypts.
    pub fn allow_remote(mut self) -> Self {
        self.is_remote = true;
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

    /// Serves it, until what is returned is stopped or dropped. It has a thread and a runtime of its own: so it answers while all
    /// threads of the program's runtime are in use. With port 0 the system chooses one.
    ///
    /// # Errors
    ///
    /// The address cannot be listened on, or other machines reach it and that is not allowed; the token is too short.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, in which queues are asked.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn serve(self, address: impl fmt::Display) -> Result<Served, ServeError> {
        let listening = Listening::on(address.to_string()).await?;
        let at = listening.address;
        let own = self.token.as_deref().map(Token::of).transpose()?;
        if !at.ip().is_loopback() && (!self.is_remote || own.is_none()) {
            return Err(ServeError::NotLoopback { address: at });
        }
        let token = own.map_or_else(Token::random, Ok)?;
        let gate = Gate {
            token: Some(token.clone()),
            hosts: Hosts::Named(self.hosts),
            open_metrics: self.open_metrics || at.ip().is_loopback(),
            read_only: self.read_only,
        };
        let router = router(&shared(self.watched, gate), |_| true);
        server::serve(listening, router).map(|thread| Served::new(at, Some(token), thread))
    }

    /// Serves `/healthz`, `/readyz` and `/metrics` alone, on any address, to whoever asks and by whatever name: for kubelet and
    /// Prometheus. Nothing is shown of items, and nothing can be changed.
    ///
    /// # Errors
    ///
    /// The address cannot be listened on.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn serve_probes(self, address: impl fmt::Display) -> Result<Served, ServeError> {
        let listening = Listening::on(address.to_string()).await?;
        let at = listening.address;
        let gate = Gate {
            token: None,
            hosts: Hosts::Any,
            open_metrics: true,
            read_only: true,
        };
        let router = router(&shared(self.watched, gate), |route| route.is_probe);
        server::serve(listening, router).map(|thread| Served::new(at, None, thread))
    }

    /// What `/metrics` says, for a registry of the program's own.
    ///
    /// # Examples
    ///
    /// ```
    /// # use pipeline_watch::Page;
    /// # let page = Page::new();
    /// let mut registry = prometheus_client::registry::Registry::default();
    /// registry.register_collector(Box::new(page.collector()));
    /// ```
    #[must_use]
    pub fn collector(self) -> Metrics {
        Metrics::new(Arc::new(self.watched), None)
    }
}

#[track_caller]
fn shared(watched: Watched, gate: Gate) -> Arc<Shared> {
    let looks = Looks::new(watched, !gate.read_only);
    let (watched, outside) = (Arc::clone(&looks.watched), Arc::clone(&looks.outside));
    let metrics = Arc::new(Metrics::new(watched, Some(outside)));
    Arc::new(Shared {
        gate,
        looks,
        metrics,
    })
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page")
            .field("watched", &self.watched)
            .finish_non_exhaustive()
    }
}
