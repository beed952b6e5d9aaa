//! A server that does what a test says, and keeps what it was sent.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// What has come of a request before its body has: its number, from 0 on, and how many bytes its body has.
pub(crate) struct Head {
    pub(crate) number: usize,
    pub(crate) length: usize,
}

/// What is done before the body is read.
pub(crate) enum Early {
    /// Reads so much of it, and closes.
    Close(usize),
    /// Reads so much of it, answers so, and closes.
    Answer(usize, u16),
}

/// What is done with documents that were read.
pub(crate) enum Reply {
    /// All are taken.
    Take,
    /// Of each: its status. What is under 300 is taken.
    Each(Vec<u16>),
    /// None is taken.
    Status(u16, &'static str, String),
    /// All are taken, and this is said instead of an answer.
    Says(Vec<u8>),
    /// All are taken, and so much of the answer is sent.
    Half(usize),
    /// None is taken, and nothing is said for so long.
    Silent(Duration),
}

/// A document: its id, and itself.
pub(crate) type Doc = (Option<String>, Value);
type Before = dyn Fn(&Head) -> Option<Early> + Send + Sync;
type After = dyn Fn(&Head, &[Doc]) -> Reply + Send + Sync;

#[derive(Default)]
pub(crate) struct Kept {
    /// What was taken, by id; what has none by a number.
    pub(crate) taken: HashMap<String, Value>,
    /// In the order in which it was taken, also what was replaced.
    pub(crate) order: Vec<Value>,
    /// When each request came, what it said, and how many documents it had.
    pub(crate) requests: Vec<(Instant, String, usize)>,
}

pub(crate) struct Stub {
    pub(crate) address: SocketAddr,
    pub(crate) kept: Arc<Mutex<Kept>>,
    accepting: JoinHandle<()>,
}

impl Stub {
    pub(crate) async fn start(
        before: impl Fn(&Head) -> Option<Early> + Send + Sync + 'static,
        after: impl Fn(&Head, &[Doc]) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        Self::on(listener, before, after)
    }

    pub(crate) fn on(
        listener: TcpListener,
        before: impl Fn(&Head) -> Option<Early> + Send + Sync + 'static,
        after: impl Fn(&Head, &[Doc]) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::over(listener, None, before, after)
    }

    /// The same, over encrypted connections if there is what does that.
    pub(crate) fn over(
        listener: TcpListener,
        encrypts: Option<TlsAcceptor>,
        before: impl Fn(&Head) -> Option<Early> + Send + Sync + 'static,
        after: impl Fn(&Head, &[Doc]) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let address = listener.local_addr().expect("an address");
        let kept = Arc::<Mutex<Kept>>::default();
        let (before, after): (Arc<Before>, Arc<After>) = (Arc::new(before), Arc::new(after));
        let keeps = Arc::clone(&kept);
        let accepting = tokio::spawn(async move {
            let mut tasks = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (keeps, before, after) = (keeps.clone(), before.clone(), after.clone());
                let encrypts = encrypts.clone();
                tasks.spawn(async move {
                    let _ = match encrypts {
                        None => serve(stream, &keeps, &*before, &*after).await,
                        Some(encrypts) => match encrypts.accept(stream).await {
                            Ok(stream) => serve(stream, &keeps, &*before, &*after).await,
                            Err(error) => Err(error),
                        },
                    };
                });
            }
        });
        Self {
            address,
            kept,
            accepting,
        }
    }

    /// One that answers each request for documents so.
    pub(crate) async fn replying(
        after: impl Fn(&Head, &[Doc]) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::start(|_| None, after).await
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn requests(&self) -> Vec<usize> {
        let kept = self.kept.lock().expect("no panic");
        kept.requests.iter().map(|(.., docs)| *docs).collect()
    }

    /// The numbers that were taken, sorted.
    pub(crate) fn numbers(&self) -> Vec<u64> {
        let kept = self.kept.lock().expect("no panic");
        let numbers = kept.taken.values().filter_map(|doc| doc["n"].as_u64());
        let mut numbers: Vec<_> = numbers.collect();
        numbers.sort_unstable();
        numbers
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    kept: &Mutex<Kept>,
    before: &Before,
    after: &After,
) -> std::io::Result<()> {
    let mut buffer = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        };
        let text = String::from_utf8_lossy(&buffer[..end]).to_lowercase();
        let mut body = buffer.split_off(end);
        if text.starts_with("get / ") {
            let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
            stream.write_all(answer.as_bytes()).await?;
            buffer = body;
            continue;
        }
        let length = text.split("content-length: ").nth(1);
        let length = length.and_then(|rest| rest.lines().next()?.trim().parse().ok());
        let number = {
            let mut kept = kept.lock().expect("no panic");
            kept.requests.push((Instant::now(), text, 0));
            kept.requests.len() - 1
        };
        let head = Head {
            number,
            length: length.unwrap_or(0),
        };
        if let Some(early) = before(&head) {
            let (Early::Close(read) | Early::Answer(read, _)) = early;
            while body.len() < read.min(head.length) {
                stream.read_buf(&mut body).await?;
            }
            if let Early::Answer(_, status) = early {
                let answer = format!(
                    "HTTP/1.1 {status} No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                );
                stream.write_all(answer.as_bytes()).await?;
            }
            return Ok(());
        }
        while body.len() < head.length {
            if stream.read_buf(&mut body).await? == 0 {
                return Ok(());
            }
        }
        buffer = body.split_off(head.length);
        let docs = documents(&body);
        kept.lock().expect("no panic").requests[number].2 = docs.len();
        let reply = after(&head, &docs);
        let statuses = match &reply {
            Reply::Take | Reply::Half(_) | Reply::Says(_) => vec![201; docs.len()],
            Reply::Each(statuses) => statuses.clone(),
            Reply::Status(..) | Reply::Silent(_) => vec![500; docs.len()],
        };
        take(kept, &docs, &statuses);
        let items: Vec<_> = statuses.iter().map(|status| told(*status)).collect();
        let items = json!({"took": 1, "errors": true, "items": items}).to_string();
        let half = match reply {
            Reply::Half(bytes) => Some(bytes),
            _ => None,
        };
        let (status, headers, body) = match reply {
            Reply::Status(status, headers, body) => (status, headers, body),
            Reply::Says(bytes) => {
                stream.write_all(&bytes).await?;
                return Ok(());
            }
            Reply::Silent(time) => {
                tokio::time::sleep(time).await;
                return Ok(());
            }
            _ => (200, "", items),
        };
        let length = body.len();
        let answer =
            format!("HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\n\r\n{body}");
        if let Some(bytes) = half {
            let bytes = bytes.min(answer.len() - 1);
            stream.write_all(&answer.as_bytes()[..bytes]).await?;
            return Ok(());
        }
        stream.write_all(answer.as_bytes()).await?;
    }
}

fn told(status: u16) -> Value {
    if status < 300 {
        return json!({"index": {"status": status}});
    }
    let error = json!({"type": "some_exception", "reason": format!("because of {status}")});
    json!({"index": {"status": status, "error": error}})
}

fn documents(body: &[u8]) -> Vec<Doc> {
    assert!(body.ends_with(b"\n"), "the last line has no end");
    let text = std::str::from_utf8(body).expect("it is text");
    let lines: Vec<_> = text.lines().collect();
    let docs = lines.chunks(2).map(|pair| {
        let action: Value = serde_json::from_str(pair[0]).expect("an action");
        let doc = serde_json::from_str(pair[1]).expect("a document");
        let id = action["index"]["_id"].as_str().map(str::to_owned);
        (id, doc)
    });
    docs.collect()
}

fn take(kept: &Mutex<Kept>, docs: &[Doc], statuses: &[u16]) {
    let mut kept = kept.lock().expect("no panic");
    for ((id, doc), _) in docs
        .iter()
        .zip(statuses)
        .filter(|(_, status)| **status < 300)
    {
        let number = format!("#{}", kept.order.len());
        kept.order.push(doc.clone());
        kept.taken.insert(id.clone().unwrap_or(number), doc.clone());
    }
}
