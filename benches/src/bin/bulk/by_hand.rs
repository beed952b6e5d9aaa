//! A tokio program: a thread that reads, a channel of batches, a connection for each of those who write.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::sync::Arc;

use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

use super::server::Server;
use super::{BATCH, Document, PATH, WRITERS};

pub(super) fn run(lines: &Path, server: &Server) {
    let runtime = Runtime::new().expect("a runtime");
    let file = File::open(lines).expect("it is there");
    runtime.block_on(async {
        let (full, batches) = mpsc::channel(WRITERS);
        let batches = Arc::new(Mutex::new(batches));
        let mut writers = JoinSet::new();
        for _ in 0..WRITERS {
            writers.spawn(write(server.address.to_string(), Arc::clone(&batches)));
        }
        let reading = tokio::task::spawn_blocking(move || {
            let mut batch = Vec::with_capacity(BATCH);
            for line in BufReader::new(file).lines() {
                batch.push(line.expect("text"));
                if batch.len() == BATCH {
                    let batch = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
                    full.blocking_send(batch).expect("somebody writes");
                }
            }
            if !batch.is_empty() {
                full.blocking_send(batch).expect("somebody writes");
            }
        });
        reading.await.expect("it is read");
        while let Some(written) = writers.join_next().await {
            written.expect("it is written");
        }
    });
}

async fn write(address: String, batches: Arc<Mutex<mpsc::Receiver<Vec<String>>>>) {
    let stream = TcpStream::connect(&address).await.expect("it is there");
    stream.set_nodelay(true).expect("it is open");
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await.expect("HTTP");
    tokio::spawn(connection);
    loop {
        let batch = batches.lock().await.recv().await;
        let Some(batch) = batch else { return };
        let mut body = Vec::new();
        for message in &batch {
            body.extend_from_slice(b"{\"index\":{}}\n");
            serde_json::to_writer(&mut body, &Document { message }).expect("JSON");
            body.push(b'\n');
        }
        let request = Request::post(PATH)
            .header("host", &address)
            .header("content-type", "application/x-ndjson")
            .body(Full::new(Bytes::from(body)))
            .expect("a request");
        let answer = sender.send_request(request).await.expect("an answer");
        let answer = answer.into_body().collect().await.expect("all of it");
        let answer = answer.to_bytes();
        let is_well = answer.windows(14).any(|text| text == b"\"errors\":false");
        assert!(is_well, "some are refused");
    }
}
