//! As much HTTP as it takes to ask a server how it is.

use std::io::{Read as _, Result, Write as _};
use std::net::TcpStream;
use std::time::Duration;

pub(crate) fn get(port: u16, path: &str) -> Result<String> {
    request(port, "GET", path, "")
}

/// Sends a request and returns the whole answer.
pub(crate) fn request(port: u16, method: &str, path: &str, body: &str) -> Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
