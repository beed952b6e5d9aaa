//! A service that takes so many calls and no more: `rate` keeps below that, and `retry` does as it says.
//!
//! ```text
//! cargo run --example rate
//! ```
//!
//! Prints:
//!
//! ```text
//! as fast as it goes: 30 pages, 60 calls, 30 of them refused
//! at its rate: 30 pages, 30 calls, 0 of them refused
//!
//! stage   in  done  filtered  failed  emitted  retries  busy  starved  blocked  limited
//! source  30    30         0       0       30        0   0 %      0 %    100 %      0 %
//! get     30    30         0       0       30        0   3 %      0 %      0 %     97 %
//! sink    30    30         0       0        0        0   0 %    100 %      0 %      0 %
//! 970.302ms, bottleneck: get, by its rate; in = done + filtered + failed in every row
//! ```
//!
//! The service is in this file too: it answers ten calls in a quarter of a second, and `429 Too Many Requests` with
//! `Retry-After` to those that are too many. On a busy machine a few more may be refused.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use brigade::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What the service answers other than a page.
#[derive(Debug, Clone, thiserror::Error)]
#[error("status {status}")]
struct Refused {
    status: u16,
    retry_after: Option<Duration>,
}

#[derive(Clone)]
struct Service {
    at: SocketAddr,
    /// Calls, and of them those that were refused.
    calls: Arc<Mutex<(u32, u32)>>,
}

impl Service {
    async fn open() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let at = listener.local_addr()?;
        let calls = Arc::<Mutex<(u32, u32)>>::default();
        let counted = Arc::clone(&calls);
        tokio::spawn(async move {
            let mut answered: Vec<Instant> = Vec::new();
            while let Ok((call, _)) = listener.accept().await {
                answered.retain(|at| at.elapsed() < Duration::from_millis(250));
                let refused = answered.len() >= 10;
                if !refused {
                    answered.push(Instant::now());
                }
                {
                    let mut counts = counted.lock().unwrap();
                    *counts = (counts.0 + 1, counts.1 + u32::from(refused));
                }
                tokio::spawn(answer(call, refused));
            }
        });
        Ok(Self { at, calls })
    }

    async fn get(&self, page: u32) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
        let mut call = TcpStream::connect(self.at).await?;
        let request = format!("GET /{page} HTTP/1.1\r\nhost: example\r\n\r\n");
        call.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        call.read_to_string(&mut answer).await?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or("half an answer")?;
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        let status = status.ok_or("no status")?;
        if status == 200 {
            return Ok(body.to_owned());
        }
        let retry_after = head
            .lines()
            .find_map(|line| line.strip_prefix("retry-after: "));
        let retry_after = retry_after.and_then(|seconds| seconds.parse().ok());
        let retry_after = retry_after.map(Duration::from_secs);
        Err(Refused {
            status,
            retry_after,
        }
        .into())
    }

    /// What it was asked since the last time.
    fn asked(&self) -> String {
        let (calls, refused) = std::mem::take(&mut *self.calls.lock().unwrap());
        format!("{calls} calls, {refused} of them refused")
    }
}

async fn answer(mut call: TcpStream, refused: bool) -> io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        if call.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let answer = if refused {
        "HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\n\r\n"
    } else {
        "HTTP/1.1 200 OK\r\n\r\na page"
    };
    call.write_all(answer.as_bytes()).await
}

/// Whatever the service refuses for now is tried again when it says.
fn retry() -> Retry {
    Retry::exponential(5)
        .when::<Refused>(|refused| refused.status == 429 || refused.status >= 500)
        .after::<Refused>(|refused| refused.retry_after)
}

async fn fetch(service: &Service, rate: Rate) -> Result<brigade::Report, Failure> {
    let service = service.clone();
    pipeline! {
        [0..30_u32]
        use service;
        :async 30 map(async |page| service.get(page).await)?
            with { name: "get", rate: rate, retry: retry(), timeout: Duration::from_secs(5), unordered },
        :drive sink::each(|page| assert_eq!(page, "a page"))
    }
    .run()
    .await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let service = Service::open().await?;
    let report = fetch(&service, Rate::per_second(100_000)).await?;
    println!(
        "as fast as it goes: {} pages, {}",
        report.stage("get")?.done,
        service.asked()
    );
    // The service forgets what it was asked.
    tokio::time::sleep(Duration::from_millis(250)).await;
    // Ten in a quarter of a second are forty in a second; others may ask it too.
    let report = fetch(&service, Rate::per_second(30)).await?;
    println!(
        "at its rate: {} pages, {}",
        report.stage("get")?.done,
        service.asked()
    );
    println!("\n{report}");
    Ok(())
}
