//! What is asked of the server, and answered.

use std::io::{self, Read as _};
use std::sync::{Arc, Mutex, PoisonError};

use brigade::BoxError;
use fastrand::Rng;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;

use super::moods::{self, Mood};
use super::store::Store;

type Answer = Response<Full<Bytes>>;

struct Server {
    store: Mutex<Store>,
    rng: Mutex<Rng>,
}

/// Serves on a free port, and says on which, until standard input ends.
pub async fn serve(seed: u64) -> Result<(), BoxError> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    let server = Arc::new(Server {
        store: Mutex::new(Store::new()?),
        rng: Mutex::new(Rng::with_seed(seed)),
    });
    let (gone, is_gone) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        gone.send(())
    });
    let accepting = async {
        loop {
            let (stream, _) = listener.accept().await?;
            let server = Arc::clone(&server);
            tokio::spawn(async move {
                let service = service_fn(async |request| server.answer(request).await);
                // One that is cut off ends with an error.
                let _ = http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    };
    tokio::select! {
        ended = accepting => ended,
        _ = is_gone => Ok(()),
    }
}

impl Server {
    async fn answer(&self, request: Request<Incoming>) -> io::Result<Answer> {
        let (head, body) = request.into_parts();
        let path = head.uri.path().trim_start_matches('/').to_owned();
        let parts: Vec<_> = path.split('/').collect();
        match (head.method, parts.as_slice()) {
            (Method::POST, [index, "_bulk"]) => {
                let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
                self.bulk(index, &body).await
            }
            (Method::GET, [index, "_count"]) => {
                let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
                let count = store.count(index);
                Ok(said(StatusCode::OK, json!({"count": count}).to_string()))
            }
            (Method::GET, [index, "_doc", id]) => {
                let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
                Ok(match store.get(index, id)? {
                    None => said(StatusCode::NOT_FOUND, json!({"found": false}).to_string()),
                    Some(document) => {
                        let document = String::from_utf8(document).map_err(io::Error::other)?;
                        said(
                            StatusCode::OK,
                            format!("{{\"found\":true,\"_source\":{document}}}"),
                        )
                    }
                })
            }
            (Method::PUT, [_]) | (Method::POST, [_, "_refresh"]) | (Method::GET, [""]) => {
                Ok(said(StatusCode::OK, "{}".into()))
            }
            (method, _) => Ok(said(StatusCode::NOT_FOUND, format!("\"{method} {path}\""))),
        }
    }

    async fn bulk(&self, index: &str, body: &[u8]) -> io::Result<Answer> {
        let lines: Vec<_> = body.split(|byte| *byte == b'\n').collect();
        let documents: Vec<_> = lines.chunks_exact(2).collect();
        let (mood, pause) = {
            let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
            (
                moods::of_request(&mut rng, documents.len()),
                moods::pause(&mut rng),
            )
        };
        tokio::time::sleep(pause).await;
        match mood {
            Mood::Full => return Ok(said(StatusCode::TOO_MANY_REQUESTS, "\"busy\"".into())),
            Mood::TooLarge => return Ok(said(StatusCode::PAYLOAD_TOO_LARGE, String::new())),
            Mood::Well | Mood::Silent | Mood::Crowded => {}
        }
        let mut items = Vec::new();
        for document in documents {
            let left_out = matches!(mood, Mood::Crowded) && {
                let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
                moods::leaves_out(&mut rng)
            };
            items.push(if left_out {
                json!({"index": {"status": 429, "error": {"type": "es_rejected_execution_exception", "reason": "busy"}}})
            } else {
                let action: Action = serde_json::from_slice(document[0])?;
                let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
                store.put(index, &action.index.id, document[1])?;
                json!({"index": {"status": 201}})
            });
        }
        if matches!(mood, Mood::Silent) {
            return Err(io::Error::other("nobody hears of it"));
        }
        let answer = json!({"errors": true, "items": items});
        Ok(said(StatusCode::OK, answer.to_string()))
    }
}

#[derive(Deserialize)]
struct Action {
    index: Named,
}

#[derive(Deserialize)]
struct Named {
    #[serde(rename = "_id")]
    id: String,
}

fn said(status: StatusCode, text: String) -> Answer {
    let mut answer = Response::new(Full::from(text));
    *answer.status_mut() = status;
    answer
}
