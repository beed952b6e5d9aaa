//! A bulk server that keeps nothing: it counts documents.

use std::convert::Infallible;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// Relaxed: who asks for it asks again until it is what it is to be.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// How long it may take until all are there.
const PATIENCE: Duration = Duration::from_mins(2);

/// Serves until its input ends.
pub(super) fn serve() {
    let runtime = Runtime::new().expect("a runtime");
    runtime.spawn(async {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        println!("{address}");
        loop {
            let (stream, _) = listener.accept().await.expect("it listens");
            // What is answered late counts for whoever waits.
            stream.set_nodelay(true).expect("it is open");
            let service = service_fn(answer);
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    let _ = std::io::stdin().read(&mut [0]);
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let is_bulk = request.method() == Method::POST;
    let text = if is_bulk {
        let Ok(body) = request.into_body().collect().await else {
            return Ok(Response::default());
        };
        let lines = body.to_bytes().split(|byte| *byte == b'\n').count() - 1;
        COUNT.fetch_add(lines / 2, Relaxed);
        bulk(lines / 2)
    } else {
        COUNT.load(Relaxed).to_string()
    };
    let response = Response::builder().header("content-type", "application/json");
    Ok(response.body(Full::from(text)).expect("a response"))
}

fn bulk(documents: usize) -> String {
    const ITEM: &str = r#"{"index":{"_index":"lines","_id":"1","result":"created","status":201}}"#;
    let items = vec![ITEM; documents].join(",");
    format!(r#"{{"took":1,"errors":false,"items":[{items}]}}"#)
}

/// It ends with this.
pub(super) struct Server {
    child: Child,
    pub(super) address: SocketAddr,
}

impl Server {
    pub(super) fn start() -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this has a path"))
            .arg("--serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        let said = child.stdout.take().expect("it is piped");
        BufReader::new(said)
            .read_line(&mut line)
            .expect("it says where it is");
        let address = line.trim().parse().expect("an address");
        Self { child, address }
    }

    /// Waits until it has counted so many, and sees that they are no more.
    pub(super) fn has_counted(&self, lines: usize) {
        let begun = Instant::now();
        loop {
            let count = self.count();
            assert!(count <= lines, "{count} of {lines}");
            if count == lines {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{count} of {lines}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn count(&self) -> usize {
        let asked = b"GET /count HTTP/1.0\r\n\r\n";
        let mut stream = TcpStream::connect(self.address).expect("it is there");
        stream.write_all(asked).expect("it listens");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let (_, count) = answer.rsplit_once("\r\n").expect("it has a body");
        count.parse().expect("a number")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
