//! How a connection is made: as it was said once, or as is asked for each time.

use std::fmt::Display;
use std::future::{Future, poll_fn};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use pipeline_runtime::ErrorKind;
use tokio::time::timeout;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{AsyncMessage, Client, Config, NoTls, Socket};

use super::answer::{ANSWER, answered};
use super::config::{IntoConfig, Said, Target};
#[cfg(feature = "postgres-tls")]
use super::encryption::Encryption;
use super::encryption::Ssl;
use super::error::Failed;
#[cfg(feature = "postgres-tls")]
use super::tls::connector;

/// What is told of a notification: its payload.
pub(super) type Heard = Arc<dyn Fn(&str) + Send + Sync>;

/// Where the configuration of a connection comes from, and what is said beside it.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) from: From,
    pub(super) ssl: Ssl,
}

#[derive(Clone)]
pub(super) enum From {
    Said(Box<Result<Said, String>>),
    /// Asked for each connection.
    Asked(Arc<dyn Fn() -> BoxFuture<'static, Result<Said, Unasked>> + Send + Sync>),
}

/// Why there is no configuration.
#[derive(Debug)]
pub(super) enum Unasked {
    /// Who is asked has none now, in whose words.
    Away(String),
    /// It makes no sense.
    Wrong(String),
}

impl From {
    /// Asks this function for each connection.
    pub(super) fn asking<F, Fut, C, E>(configure: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<C, E>> + Send + 'static,
        C: IntoConfig,
        E: Display,
    {
        let configure = Arc::new(configure);
        Self::Asked(Arc::new(move || {
            let configure = Arc::clone(&configure);
            let asking = async move {
                match configure().await {
                    Ok(config) => config.into_config().map_err(Unasked::Wrong),
                    Err(error) => Err(Unasked::Away(error.to_string())),
                }
            };
            // It is not ours, and what it says neither.
            let asking = AssertUnwindSafe(asking).catch_unwind();
            let asking = async move {
                let asked = timeout(ANSWER, asking).await;
                let silent = |_| Unasked::Away(format!("nothing is said for {ANSWER:?}"));
                let panicked = |_| Unasked::Away("who was asked has panicked".into());
                asked.map_err(silent)?.map_err(panicked)?
            };
            asking.boxed()
        }))
    }
}

impl Source {
    pub(super) async fn target(&self) -> Result<Target, Unasked> {
        let said = match &self.from {
            From::Said(said) => (**said).clone().map_err(Unasked::Wrong)?,
            From::Asked(ask) => ask().await?,
        };
        said.with(&self.ssl).map_err(Unasked::Wrong)
    }
}

/// A way into a database, for all connections of a handle.
pub(super) struct Access {
    source: Source,
    /// What was asked for before there was a connection to make.
    first: Mutex<Option<Target>>,
    /// The server has let us in before.
    known: AtomicBool,
}

impl Access {
    pub(super) fn new(source: Source, first: Target) -> Self {
        Self {
            source,
            first: Mutex::new(Some(first)),
            known: AtomicBool::new(false),
        }
    }

    /// Makes a connection. It ends with the last handle of its client, or by itself.
    pub(super) async fn connect(&self, heard: Option<Heard>) -> Result<Client, Failed> {
        let target = self.target().await?;
        let connected = connect(target, heard).await;
        let client = connected.map_err(|failed| self.judged(failed))?;
        // Relaxed: it only makes an error of later one that passes.
        self.known.store(true, Ordering::Relaxed);
        Ok(client)
    }

    async fn target(&self) -> Result<Target, Failed> {
        let first = self
            .first
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(first) = first {
            return Ok(first);
        }
        let target = self.source.target().await;
        target.map_err(|unasked| match unasked {
            Unasked::Away(said) => Failed::away(format!("it is not told how to connect: {said}")),
            Unasked::Wrong(problem) => Failed::ours(problem),
        })
    }

    /// A password that was changed a moment ago may be known to the one before the other: it is asked for again.
    fn judged(&self, mut failed: Failed) -> Failed {
        let asks = matches!(self.source.from, From::Asked(_));
        if asks && failed.is_of_credentials() && self.known.load(Ordering::Relaxed) {
            failed.kind = ErrorKind::Away;
        }
        failed
    }
}

#[cfg(not(feature = "postgres-tls"))]
async fn connect(target: Target, heard: Option<Heard>) -> Result<Client, Failed> {
    through(&target.config, NoTls, heard).await
}

#[cfg(feature = "postgres-tls")]
async fn connect(target: Target, heard: Option<Heard>) -> Result<Client, Failed> {
    let Target {
        mut config,
        encryption,
    } = target;
    let connector = connector(&encryption).await;
    let Some(tls) = connector.map_err(Failed::of_encryption)? else {
        return through(&config, NoTls, heard).await;
    };
    match through(&config, tls, heard.clone()).await {
        Err(failed) if failed.encryption && encryption == Encryption::IfPossible => {
            config.ssl_mode(tokio_postgres::config::SslMode::Disable);
            through(&config, NoTls, heard).await
        }
        connected => connected,
    }
}

async fn through<T>(config: &Config, tls: T, heard: Option<Heard>) -> Result<Client, Failed>
where
    T: MakeTlsConnect<Socket>,
    T::Stream: Send + 'static,
    T::TlsConnect: Send,
    <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
{
    let (client, mut connection) = answered(config.connect(tls)).await?;
    tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
            if let (AsyncMessage::Notification(told), Some(heard)) = (message, &heard) {
                heard(told.payload());
            }
        }
    });
    Ok(client)
}
