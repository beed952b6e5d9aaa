//! A small HTTP server that counts.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::TOKEN;

/// The server; it ends when it is dropped.
pub struct Server {
    pub address: SocketAddr,
    shelf: Arc<Mutex<Shelf>>,
    accepting: JoinHandle<()>,
}

/// What it has, and how that came.
#[derive(Debug, Clone, Default)]
pub struct Shelf {
    /// By idempotency token: which report it is, and how often it was sent.
    pub uploads: HashMap<String, (u32, u32)>,
}

type Refuses = dyn Fn(u32) -> bool + Send + Sync;

impl Server {
    /// Starts it there. It refuses some reports when they are checked.
    pub fn start(
        listener: std::net::TcpListener,
        refuses: impl Fn(u32) -> bool + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let address = listener.local_addr()?;
        let shelf = Arc::<Mutex<Shelf>>::default();
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shelf), Arc::new(refuses)));
        Ok(Self {
            address,
            shelf,
            accepting,
        })
    }

    pub fn shelf(&self) -> Shelf {
        let shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, shelf: Arc<Mutex<Shelf>>, refuses: Arc<Refuses>) {
    loop {
        // What cannot be accepted now (too many files are open, say) is the client's to try again.
        if let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, Arc::clone(&shelf), Arc::clone(&refuses)));
        } else {
            tokio::task::yield_now().await;
        }
    }
}

async fn serve(stream: TcpStream, shelf: Arc<Mutex<Shelf>>, refuses: Arc<Refuses>) {
    let service = service_fn(async |request| answer(request, &shelf, &*refuses).await);
    // A client that is killed ends it with an error.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(
    request: Request<Incoming>,
    shelf: &Mutex<Shelf>,
    refuses: &Refuses,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let number = head
        .uri
        .path()
        .rsplit('/')
        .next()
        .and_then(|number| number.parse().ok());
    let token = head
        .headers
        .get(TOKEN)
        .and_then(|token| token.to_str().ok());
    // The client was killed in the midst of it: nothing has happened.
    let (Ok(body), Some(number)) = (body.collect().await, number) else {
        return Ok(said(StatusCode::BAD_REQUEST, "which report?"));
    };
    Ok(match (&head.method, token) {
        (&Method::PUT, Some(token)) => {
            let mut shelf = shelf.lock().unwrap_or_else(PoisonError::into_inner);
            shelf.put(token, number);
            said(
                StatusCode::CREATED,
                &format!("/reports/{number}?{}", body.to_bytes().len()),
            )
        }
        (&Method::POST, _) if refuses(number) => said(
            StatusCode::UNPROCESSABLE_ENTITY,
            "its figures do not add up",
        ),
        (&Method::POST, _) => said(StatusCode::OK, "complete"),
        _ => said(StatusCode::BAD_REQUEST, "PUT with a token, or POST"),
    })
}

impl Shelf {
    /// The same upload again changes nothing.
    fn put(&mut self, token: &str, number: u32) {
        match self.uploads.entry(token.to_owned()) {
            Entry::Occupied(mut known) => known.get_mut().1 += 1,
            Entry::Vacant(new) => drop(new.insert((number, 1))),
        }
    }

    /// How many uploads came more than once.
    pub fn repeated(&self) -> usize {
        self.uploads
            .values()
            .filter(|(_, times)| *times > 1)
            .count()
    }
}

fn said(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text.to_owned()));
    *response.status_mut() = status;
    response
}
