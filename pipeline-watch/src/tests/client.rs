//! A client that sends what it is told, be it wrong.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Served;

pub(super) const TOKEN: &str = "a token of the tests, of 38 characters";

/// How long something that is to come may take.
pub(super) const SOON: Duration = Duration::from_secs(20);

/// What was answered.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Answer {
    fn of(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        Self {
            status: status.unwrap_or(0),
            head: head.to_ascii_lowercase(),
            body: body.to_owned(),
        }
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// Sends these bytes, and reads until the other side has closed.
pub(super) fn raw(to: SocketAddr, bytes: &str) -> Answer {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream.write_all(bytes.as_bytes()).unwrap();
    let mut text = Vec::new();
    // What was sent before a reset counts.
    let _ = stream.read_to_end(&mut text);
    Answer::of(&String::from_utf8_lossy(&text))
}

/// A request with these lines in its head.
pub(super) fn request(method: &str, path: &str, lines: &[&str], body: &str) -> String {
    let mut text = format!("{method} {path} HTTP/1.1\r\n");
    for line in lines.iter().chain(&["Connection: close"]) {
        text += line;
        text += "\r\n";
    }
    if !body.is_empty() {
        let _ = write!(text, "Content-Length: {}\r\n", body.len());
    }
    text + "\r\n" + body
}

fn bearer() -> String {
    format!("Authorization: Bearer {TOKEN}")
}

pub(super) fn get(served: &Served, path: &str) -> Answer {
    let lines = ["Host: localhost", &bearer()];
    raw(served.address(), &request("GET", path, &lines, ""))
}

pub(super) fn post(served: &Served, path: &str, body: &str) -> Answer {
    let bearer = bearer();
    let mut lines = vec!["Host: localhost", &bearer];
    if !body.is_empty() {
        lines.push("Content-Type: application/json");
    }
    raw(served.address(), &request("POST", path, &lines, body))
}

/// The state, once it is as wanted.
pub(super) async fn until(served: &Served, is_wanted: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let state = get(served, "/api/state").json();
        if is_wanted(&state) {
            return state;
        }
        assert!(begun.elapsed() < SOON, "{state:#}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits for something.
pub(super) async fn comes(is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < SOON, "it did not come");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
