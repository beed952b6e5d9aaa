//! A cycle: what pages link to goes in again, until nothing is left. Fifty pages are fetched at the same time, of each
//! host one after the other, at a rate that it takes; and what the hosts have seen of it is looked at afterwards.
//!
//! ```text
//! cargo run --example crawl
//! ```
//!
//! Prints, behind the report, with another time:
//!
//! ```text
//! 5000 pages of 20 hosts, each once, of a host one at a time and 101 in any second at most
//! 20 of them came a second later, as their hosts wished; 21 links are broken
//! 4.0 s, where the hosts allow 3.9 s
//! rivers   are on 1333 pages
//! bridges  are on 1334 pages
//! ferries  are on 1333 pages
//! ```
//!
//! The hosts are in this file too: twenty ports of this machine, with 250 pages each, some of them slow, some that refuse
//! to come at first, and some that are linked to and do not exist.

use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use brigade::BoxError;
use brigade::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const PAGES: usize = 5000;
const HOSTS: usize = 20;

/// The first ones are lists of links to five others each, all others are documents.
const LISTS: usize = 1000;

/// So many requests in a second each host is asked at most.
const EACH_HOST: u32 = 100;

const SECOND: Duration = Duration::from_secs(1);

/// One page of each host is refused when it is asked for the first time: its host is to be left alone for a second.
const REFUSED: Range<usize> = 2000..2000 + HOSTS;

/// So long takes a page that is slow.
const SLOW: Duration = Duration::from_millis(100);

fn is_slow(page: usize) -> bool {
    page.is_multiple_of(97)
}

/// `http://host/page`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Url(String);

impl Url {
    fn parts(&self) -> (&str, &str) {
        let rest = self.0.strip_prefix("http://").unwrap_or(&self.0);
        rest.split_once('/').unwrap_or((rest, ""))
    }

    fn host(&self) -> &str {
        self.parts().0
    }
}

enum Page {
    Links(Vec<Url>),
    Document(String),
}

/// What a host answers other than a page.
#[derive(Debug, thiserror::Error)]
#[error("status {status}")]
struct Refused {
    status: u16,
    retry_after: Option<Duration>,
}

async fn get(url: &Url) -> Result<Page, BoxError> {
    let (host, page) = url.parts();
    let mut call = TcpStream::connect(host).await?;
    let request = format!("GET /{page} HTTP/1.1\r\nhost: {host}\r\n\r\n");
    call.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    call.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("half an answer")?;
    let status = head.split(' ').nth(1).ok_or("no status")?.parse()?;
    if status != 200 {
        let told = |line: &str| line.strip_prefix("retry-after: ")?.parse().ok();
        let retry_after = head.lines().find_map(told).map(Duration::from_secs);
        return Err(Refused {
            status,
            retry_after,
        }
        .into());
    }
    Ok(match body.strip_prefix("links:\n") {
        Some(links) => Page::Links(links.lines().map(|link| Url(link.to_owned())).collect()),
        None => Page::Document(body.to_owned()),
    })
}

/// What a host refuses for now is tried again when it says; what it does not have is not.
fn retry() -> Retry {
    Retry::exponential(5)
        .when::<Refused>(|refused| refused.status == 429 || refused.status >= 500)
        .after::<Refused>(|refused| refused.retry_after)
}

/// On which pages a word stands.
type Index = HashMap<String, Vec<Url>>;

/// Fetches all that can be reached from `home`: what the documents say, and which links are broken.
async fn crawl(home: Url) -> Result<(brigade::Report, Index, Vec<Url>), BoxError> {
    let (again, input) = brigade::feedback(100_000, vec![home]);
    let (index, broken) = (Arc::new(Mutex::new(Index::new())), sink::collect());
    let writes = Arc::clone(&index);
    let report = pipeline! {
        [input, broken.clone()]
        push_task(url),
        dedup(url) with { most: 1_000_000 },
        // What waits for its host waits in the window, and holds up no other host.
        :async 50 let page = get(url).await? with {
            name: "get",
            by: url.host(),
            rate: Rate::per_second(EACH_HOST).each(10_000),
            retry: retry(),
            timeout: Duration::from_secs(30),
            window: 10_000,
            unordered,
        },
        match page {
            Page::Links(links) => { flat_map(|m| m.links), :drive again }
            Page::Document(text) => {
                map(|m| (m.url, m.text)),
                :drive sink::each_mut(move |(url, text): (Url, String)| {
                    let mut index = writes.lock().unwrap();
                    for word in text.split(' ') {
                        index.entry(word.to_owned()).or_default().push(url.clone());
                    }
                }),
            }
        }
    }
    .run()
    .await?;
    let index = std::mem::take(&mut *index.lock().unwrap());
    let broken = broken.take().into_iter().filter_map(Failure::into_task);
    Ok((report, index, broken.collect()))
}

/// Twenty hosts, and what they have seen.
struct Web {
    hosts: Vec<Host>,
}

struct Host {
    at: String,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// Page, time and status of each request.
    requests: Vec<(usize, Instant, u16)>,
    now: u32,
    most_at_once: u32,
}

impl Web {
    async fn open() -> io::Result<Arc<Self>> {
        let (mut hosts, mut listeners) = (Vec::new(), Vec::new());
        for _ in 0..HOSTS {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            hosts.push(Host {
                at: listener.local_addr()?.to_string(),
                seen: Mutex::default(),
            });
            listeners.push(listener);
        }
        let web = Arc::new(Self { hosts });
        for (host, listener) in listeners.into_iter().enumerate() {
            let web = Arc::clone(&web);
            tokio::spawn(async move {
                while let Ok((call, _)) = listener.accept().await {
                    let web = Arc::clone(&web);
                    tokio::spawn(async move { web.answer(host, call).await });
                }
            });
        }
        Ok(web)
    }

    fn url(&self, page: usize) -> Url {
        Url(format!("http://{}/{page}", self.hosts[page % HOSTS].at))
    }

    async fn answer(&self, host: usize, mut call: TcpStream) -> io::Result<()> {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            if call.read_buf(&mut request).await? == 0 {
                return Ok(());
            }
        }
        let request = String::from_utf8_lossy(&request);
        let page = request.split([' ', '/']).nth(2);
        let page = page.and_then(|page| page.parse().ok()).unwrap_or(PAGES);
        let seen = &self.hosts[host].seen;
        let (status, body) = {
            let seen = &mut *seen.lock().unwrap();
            let (status, body) = self.page(page, seen);
            seen.requests.push((page, Instant::now(), status));
            seen.now += 1;
            seen.most_at_once = seen.most_at_once.max(seen.now);
            (status, body)
        };
        if is_slow(page) {
            tokio::time::sleep(SLOW).await;
        }
        // Before it is sent: who has the answer may come with the next request.
        seen.lock().unwrap().now -= 1;
        let after = if status == 429 {
            "retry-after: 1\r\n"
        } else {
            ""
        };
        let answer = format!("HTTP/1.1 {status} -\r\n{after}\r\n{body}");
        call.write_all(answer.as_bytes()).await
    }

    /// Status and body.
    fn page(&self, page: usize, seen: &Seen) -> (u16, String) {
        if page >= PAGES {
            return (404, String::new());
        }
        let asked_before = seen.requests.iter().any(|request| request.0 == page);
        if REFUSED.contains(&page) && !asked_before {
            return (429, String::new());
        }
        if page >= LISTS {
            let topic = ["rivers", "bridges", "ferries"][page % 3];
            return (200, format!("page {page} is about {topic}"));
        }
        let children = 5 * page + 1..=5 * page + 5;
        let others = [0, page / 5, page * 7 % PAGES];
        // To what was there once.
        let old = (page % 50 == 1).then_some(PAGES + page);
        let links = children.chain(others).chain(old);
        let links: Vec<_> = links.map(|page| self.url(page).0).collect();
        (200, format!("links:\n{}", links.join("\n")))
    }
}

impl Seen {
    /// What a host can tell: whether it was asked for more than one page at once, more often than it takes, before it
    /// wanted to be, or for anything twice.
    fn audit(&self) -> Asked {
        assert_eq!(self.most_at_once, 1, "one request at a time");
        let mut asked = Asked::default();
        let mut times: HashMap<usize, u32> = HashMap::new();
        for (number, (page, at, status)) in self.requests.iter().enumerate() {
            let later = &self.requests[number..];
            let in_a_second = later.partition_point(|(_, then, _)| *then - *at < SECOND);
            asked.in_a_second = asked.in_a_second.max(in_a_second);
            match status {
                429 => {
                    let next = later.get(1).expect("it is asked again");
                    assert!(next.1 - *at >= SECOND, "it is left alone for so long");
                    assert_eq!(next.0, *page, "the page keeps its turn");
                    asked.refused += 1;
                }
                404 => asked.broken += 1,
                _ => asked.pages += 1,
            }
            asked.slow += usize::from(is_slow(*page));
            *times.entry(*page).or_default() += u32::from(*status != 429);
        }
        assert!(times.values().all(|times| *times == 1), "each page once");
        // It is told when it begins; 20 ms are made up for, see `Rate`.
        let most = f64::from(EACH_HOST) * 1.02 + 2.0;
        assert!(asked.in_a_second as f64 <= most, "{asked:?}");
        asked
    }
}

/// What was asked of one host, or of all.
#[derive(Debug, Default)]
struct Asked {
    pages: usize,
    broken: usize,
    refused: usize,
    slow: usize,
    in_a_second: usize,
}

impl Asked {
    /// How long one host can take at best.
    fn takes(&self) -> Duration {
        let turns = self.pages + self.broken + self.refused - self.slow;
        let span = |of: Duration, count: usize| of.mul_f64(count as f64);
        span(SECOND / EACH_HOST, turns) + span(SECOND, self.refused) + span(SLOW, self.slow)
    }

    fn add(&mut self, other: &Self) {
        self.pages += other.pages;
        self.broken += other.broken;
        self.refused += other.refused;
        self.slow += other.slow;
        self.in_a_second = self.in_a_second.max(other.in_a_second);
    }
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let web = Web::open().await?;
    let started = Instant::now();
    let (report, index, broken) = crawl(web.url(0)).await?;
    let took = started.elapsed().as_secs_f64();
    println!("{report}");

    let (mut all, mut takes) = (Asked::default(), Duration::ZERO);
    for host in &web.hosts {
        let asked = host.seen.lock().unwrap().audit();
        takes = takes.max(asked.takes());
        all.add(&asked);
    }
    println!(
        "{} pages of {HOSTS} hosts, each once, of a host one at a time and {} in any second at most",
        all.pages, all.in_a_second
    );
    println!(
        "{} of them came a second later, as their hosts wished; {} links are broken",
        all.refused, all.broken
    );
    println!(
        "{took:.1} s, where the hosts allow {:.1} s",
        takes.as_secs_f64()
    );
    for (word, pages) in ["rivers", "bridges", "ferries"].map(|word| (word, index[word].len())) {
        println!("{word:<8} are on {pages} pages");
    }
    assert_eq!((all.pages, all.refused), (PAGES, HOSTS));
    assert_eq!(broken.len(), all.broken);
    assert_eq!(index["page"].len(), PAGES - LISTS);
    Ok(())
}
