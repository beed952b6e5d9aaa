//! How a page is served.

use std::fmt;
#[cfg(unix)]
use std::path::PathBuf;
use std::sync::Arc;

use hyper::body::{Body, Bytes};
use pipeline_runtime::BoxError;

use crate::error::ServeError;
use crate::metrics::Metrics;
use crate::page::Page;
use crate::routes::{Routes, Shared, router};
use crate::served::Served;
#[cfg(unix)]
use crate::served::ServedUnix;
#[cfg(unix)]
use crate::server::Socket;
use crate::server::{self, Gate, Hosts, Listening, Who};
use crate::state::Looks;
use crate::token::Token;
use crate::watched::Watched;

impl Page {
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
        let may = self.is_remote && self.is_encrypted && own.is_some();
        if !at.ip().is_loopback() && !may {
            return Err(ServeError::NotLoopback { address: at });
        }
        let token = own.map_or_else(Token::random, Ok)?;
        let gate = Gate {
            who: Who::Has(token.clone()),
            hosts: Hosts::Named(self.hosts),
            open_metrics: self.open_metrics || at.ip().is_loopback(),
            read_only: self.read_only,
        };
        let router = router(&shared(self.watched, gate), |_| true);
        server::serve(listening.listener, router).map(|thread| Served::new(at, Some(token), thread))
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
            who: Who::Nobody,
            hosts: Hosts::Any,
            open_metrics: true,
            read_only: true,
        };
        let router = router(&shared(self.watched, gate), |route| route.is_probe);
        server::serve(listening.listener, router).map(|thread| Served::new(at, None, thread))
    }

    /// Serves the same on a socket of the file system, for whoever may open it: the user that the program runs as, without a token.
    /// The socket is made where nothing is, or where one is that nobody listens on, and it is removed when it ends.
    ///
    /// ```sh
    /// curl --unix-socket /run/shop.sock http://localhost/api/state
    /// ```
    ///
    /// # Errors
    ///
    /// There is something at that path already, or nothing can be made there.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    #[cfg(unix)]
    pub async fn serve_unix(self, path: impl Into<PathBuf>) -> Result<ServedUnix, ServeError> {
        let socket = Socket::at(path.into()).await?;
        let gate = Gate {
            who: Who::Anybody,
            hosts: Hosts::Any,
            open_metrics: true,
            read_only: self.read_only,
        };
        let router = router(&shared(self.watched, gate), |_| true);
        let (listener, path) = socket.into_parts();
        server::serve(listener, router).map(|thread| ServedUnix::new(path, thread))
    }

    /// The same as a service of `tower`, for a server that the program has already, whose runtime it runs in. In axum that is
    /// `app.nest_service("/brigade", page.router()?)`; its page is at `/brigade/` then. It is reached by the names of this machine
    /// and those of [`hosts`](Self::hosts), and its answers have headers of their own.
    ///
    /// # Errors
    ///
    /// It has no [`token`](Self::token), or a short one.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[track_caller]
    pub fn router<B>(self) -> Result<Routes<B>, ServeError>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let token = Token::of(self.token.as_deref().unwrap_or_default())?;
        let gate = Gate {
            who: Who::Has(token),
            hosts: Hosts::Named(self.hosts),
            open_metrics: self.open_metrics,
            read_only: self.read_only,
        };
        Ok(Routes::new(router(&shared(self.watched, gate), |_| true)))
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
