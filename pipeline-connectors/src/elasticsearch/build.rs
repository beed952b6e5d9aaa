//! Which server and index, and how they are asked.

use std::marker::PhantomData;
#[cfg(feature = "elasticsearch-tls")]
use std::path::PathBuf;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use super::address::{self, Address};
use super::client::Client;
use super::core::Core;
use super::error::ElasticsearchError;
use super::gather::IdOf;
use super::index;
use super::sink::{Elasticsearch, Inner};
use super::stats::BulkStats;
#[cfg(feature = "elasticsearch-tls")]
use super::tls::Encrypts;
use super::transport::Reach;

/// What is written otherwise in a path.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');
/// The most bytes of a request, where nothing else is said.
const BYTES: usize = 8 << 20;
/// For how long a write tries, where nothing else is said.
const PATIENCE: Duration = Duration::from_secs(60);
/// The first and the longest pause, where nothing else is said.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));
/// How long a request may take, where nothing else is said.
const WITHIN: Duration = Duration::from_secs(120);

/// An index of Elasticsearch, OpenSearch, or of what speaks their `_bulk`, to be opened as a sink for documents: whatever is
/// `Serialize`, one document an item, or a `Vec` of them.
///
/// The URL is that of the server, `http://host:9200`, with a path if it is behind one, and with `user:password@` where it
/// asks for that; neither is ever shown. A port that is not named is 9200. One of `https://host` needs the feature
/// `elasticsearch-tls`, and has the port 443.
///
/// # Behaviour
///
/// The items of a write are sent in requests of at most [`max_bytes`](ElasticsearchBuilder::max_bytes), one after another;
/// an item that is larger alone. Each has a result of its own: what the server refuses, because it does not fit the mapping
/// for example, fails with the server's reason, and the others are written.
///
/// - *No room*: what is answered with 429 or 5xx, a request or single documents of one, is sent again, those documents
///   alone, after pauses that double, and not before `Retry-After`. The write waits so long, and with it the pipeline:
///   nothing is taken in meanwhile that there is no room for. The same goes for a server that is not there. Where nothing
///   came of anything for [`patience`](ElasticsearchBuilder::patience), the sink is away: the pipeline waits with what
///   is left as for any [sink that is away](pipeline_runtime::sink::Sink::write), which begins with the first item that has
///   no result.
/// - *Too large*: a request that is answered with 413, or whose connection ends twice before it is answered, is halved, and
///   so are those after it. A single document fails alone, at 413 at once; where the server ends the connection, also while
///   it is sent, at the fourth time if it has more than 64 KiB and the server answers otherwise.
/// - *Nothing taken*: credentials that are refused, an index that the server does not have and does not make, a place that
///   is no such server stop the pipeline.
///
/// What is sent again may have been written the first time: the same document twice, unless it has an
/// [`id`](ElasticsearchBuilder::id), of its own or by its task.
///
/// Since it takes documents as well as batches of them, it has to be told what a document is: by the function of an `id`, or as
/// `sink::elasticsearch::<Country>(url)`.
///
/// The task that writes also makes the JSON. Where that is dear, make it in a stage before, as a `Box<RawValue>` of
/// `serde_json`, which is taken over as it is. A request is in memory once, beside its items.
///
/// # Examples
///
/// ```no_run
/// # use pipeline_connectors as brigade;
/// # fn example() -> Result<(), brigade::sink::ElasticsearchError> {
/// use brigade::sink;
///
/// #[derive(serde::Serialize)]
/// struct Country { code: String, outline: Vec<(f64, f64)> }
///
/// let countries = sink::elasticsearch("http://127.0.0.1:9200")
///     .index("countries")
///     .id(|country: &Country| country.code.clone())
///     .open()?;
/// // At the end of a pipeline: :drive 2 countries
/// # let _: &dyn Send = &countries;
/// # Ok(())
/// # }
/// ```
pub fn elasticsearch<R: Serialize>(url: impl Into<String>) -> ElasticsearchBuilder<R> {
    ElasticsearchBuilder {
        url: url.into(),
        index: String::new(),
        credentials: None,
        id: None,
        bytes: BYTES,
        patience: PATIENCE,
        pauses: PAUSES,
        within: WITHIN,
        #[cfg(feature = "elasticsearch-tls")]
        roots: None,
        documents: PhantomData,
    }
}

/// What [`elasticsearch`] returns: a sink before it is opened.
#[must_use = "nothing is opened before `open`"]
pub struct ElasticsearchBuilder<R> {
    url: String,
    index: String,
    credentials: Option<Credentials>,
    id: Option<IdOf<R>>,
    bytes: usize,
    patience: Duration,
    pauses: (Duration, Duration),
    within: Duration,
    #[cfg(feature = "elasticsearch-tls")]
    roots: Option<PathBuf>,
    documents: PhantomData<fn(R)>,
}

#[derive(Clone)]
enum Credentials {
    User(String, String),
    Key(String),
}

/// Without its URL and its credentials.
impl<R> std::fmt::Debug for ElasticsearchBuilder<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ElasticsearchBuilder")
            .field("index", &self.index)
            .field("max_bytes", &self.bytes)
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}

impl<R> ElasticsearchBuilder<R> {
    /// The index, alias or data stream that is written to; it has to be named. What the server does not have it makes, if it
    /// is set up to.
    pub fn index(mut self, name: impl Into<String>) -> Self {
        self.index = name.into();
        self
    }

    /// The `_id` of a document, made of the item: what is written again under it takes the place of the first, so that what
    /// comes twice is there once. An id has from 1 to 512 bytes; an item with another fails.
    ///
    /// Without it an item that is all that comes of a task of a [journal](pipeline_runtime::journal::Journal) has the name of
    /// that, its scope and its id with a `:` between, if these have at most 512 bytes; so has an element of a batch as `batch`
    /// made it. For all else the server makes one.
    pub fn id(mut self, of: impl Fn(&R) -> String + Send + Sync + 'static) -> Self {
        self.id = Some(IdOf(Arc::new(of)));
        self
    }

    /// The most bytes of a request of several documents. The default is 8 MiB; it becomes less by itself where a server
    /// refuses so much.
    pub fn max_bytes(mut self, most: usize) -> Self {
        self.bytes = most;
        self
    }

    /// For how long a write sends again what the server had no room for, while nothing else of it is written or refused.
    /// Then the sink is away. The default is 60 seconds; with zero nothing is sent again.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The pauses before something is sent again: the first, and the longest; each is twice as long as the one before, and
    /// up to as much again of chance. The default is 100 ms and 10 s.
    pub fn pauses(mut self, first: Duration, longest: Duration) -> Self {
        self.pauses = (first, longest.max(first));
        self
    }

    /// How long a request may take, from the connection to the end of its answer; a longer one is sent again. The default is
    /// 120 seconds. A connection alone is waited for 10 seconds.
    pub fn timeout(mut self, within: Duration) -> Self {
        self.within = within;
        self
    }

    /// As whom the server is asked, instead of what stands in the URL.
    pub fn basic_auth(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.credentials = Some(Credentials::User(user.into(), password.into()));
        self
    }

    /// The same by an API key, as Elasticsearch encodes it.
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.credentials = Some(Credentials::Key(key.into()));
        self
    }

    /// A file of certificates in PEM: of an `https` server that is accepted which one of these signed, in place of those that
    /// the system trusts. (Elasticsearch has made one for itself, `http_ca.crt`.) It is read when the sink is opened.
    #[cfg(feature = "elasticsearch-tls")]
    pub fn root_certificates(mut self, file: impl Into<PathBuf>) -> Self {
        self.roots = Some(file.into());
        self
    }

    /// Opens it. The server is not asked before the first write; whether it is there shows then.
    ///
    /// # Errors
    ///
    /// If the URL names no server, no server takes an index of this name, or credentials have characters that none have; if
    /// root certificates cannot be read. Without the feature `elasticsearch-tls` a URL of `https` is an error.
    pub fn open(self) -> Result<Elasticsearch<R>, ElasticsearchError> {
        let address = Address::parse(&self.url)
            .map_err(|problem| ElasticsearchError::new("Elasticsearch", problem))?;
        let refused = |problem: String| ElasticsearchError::new(address.to_string(), problem);
        if let Some(problem) = index::problem(&self.index) {
            return Err(refused(format!("no index `{}`: {problem}", self.index)));
        }
        #[cfg(not(feature = "elasticsearch-tls"))]
        if address.encrypted {
            let problem = "connections are encrypted with the feature `elasticsearch-tls`; turn it on, or write the URL as `http://…`";
            return Err(refused(problem.into()));
        }
        #[cfg(feature = "elasticsearch-tls")]
        let encrypts = if address.encrypted {
            Some(Encrypts::new(&address.host, self.roots.as_deref()).map_err(refused)?)
        } else {
            None
        };
        let user = address.user.clone();
        let user = user.map(|(user, password)| Credentials::User(user, password));
        let authorization = match self.credentials.or(user) {
            None => None,
            Some(Credentials::User(user, password)) => Some(address::basic(&user, &password)),
            Some(Credentials::Key(key)) => Some(address::key(&key)),
        };
        if authorization == Some(None) {
            return Err(refused(
                "the API key has characters that none has; give it as the server did".into(),
            ));
        }
        let stats = BulkStats::default();
        let path = format!("/{}/_bulk", utf8_percent_encode(&self.index, IN_PATH));
        Ok(Elasticsearch(Arc::new(Inner {
            id: self.id,
            core: Core {
                name: format!("elasticsearch:{}", self.index).into(),
                path,
                index: self.index,
                stats: stats.clone(),
                patience: self.patience,
                first_pause: self.pauses.0,
                longest_pause: self.pauses.1,
                limit: AtomicUsize::new(self.bytes.max(1)),
                quiet: Mutex::new(None),
                client: Client {
                    reach: Reach {
                        address,
                        #[cfg(feature = "elasticsearch-tls")]
                        encrypts,
                    },
                    authorization: authorization.flatten(),
                    within: self.within,
                    idle: Mutex::new(Vec::new()),
                    stats,
                },
            },
        })))
    }
}
