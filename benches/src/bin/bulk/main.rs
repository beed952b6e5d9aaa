//! Lines of a file that become documents of a bulk server: brigade, rsyslog, and a tokio program that is written by hand.
//!
//! ```text
//! cargo run --release --bin bulk                 # 400,000 lines, five times each, by turns
//! cargo run --release --bin bulk -- --quick      # whether it runs
//! ```
//!
//! The server is a process of its own that counts documents and tells of each that it is there. All send a thousand at once,
//! four requests at a time. A run ends when the server has counted all. Only brigade looks at the result of each document, and
//! sends those again, and no others, for which there was no room. Ratios are of one run.

mod brigade;
mod by_hand;
mod rsyslog;
mod server;

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use brigade_benches::place::Place;
use clap::Parser;
use serde::Serialize;

use server::Server;

/// Documents in a request.
const BATCH: usize = 1_000;
/// Requests at a time.
const WRITERS: usize = 4;
/// A path that serves all contenders.
const PATH: &str = "/lines/_bulk";

#[derive(Debug, Parser)]
struct Args {
    /// How many lines
    #[arg(long, default_value = "400000")]
    lines: usize,
    /// How often
    #[arg(long, default_value = "5")]
    times: usize,
    /// A few lines, once
    #[arg(long)]
    quick: bool,
    /// Is the server, until its input ends
    #[arg(long, hide = true)]
    serve: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    message: &'a str,
}

fn main() {
    let mut args = Args::parse();
    if args.serve {
        return server::serve();
    }
    if args.quick {
        (args.lines, args.times) = (10_000, 1);
    }
    let place = Place::new();
    let lines = place.file("lines.txt");
    write(&lines, args.lines).expect("there is room");
    let with_rsyslog = rsyslog::is_there();
    if !with_rsyslog {
        println!(
            "skipped: rsyslog; there is no `rsyslogd` with `omelasticsearch` (rsyslog-elasticsearch)"
        );
    }
    let (mut of_hand, mut of_rsyslog) = (Vec::new(), Vec::new());
    for _ in 0..args.times {
        let own = run(args.lines, |server| brigade::run(&lines, server));
        let hand = run(args.lines, |server| by_hand::run(&lines, server));
        print!("brigade {own:.2?}, by hand {hand:.2?}");
        of_hand.push(hand.as_secs_f64() / own.as_secs_f64());
        if with_rsyslog {
            let other = run(args.lines, |server| rsyslog::run(&lines, server));
            print!(", rsyslog {other:.2?}");
            of_rsyslog.push(other.as_secs_f64() / own.as_secs_f64());
        }
        println!();
    }
    println!("{}", told("by hand", &mut of_hand));
    if with_rsyslog {
        println!("{}", told("rsyslog", &mut of_rsyslog));
    }
}

/// How long it takes until a fresh server has counted all.
fn run<R>(lines: usize, send: impl FnOnce(&Server) -> R) -> Duration {
    let server = Server::start();
    let begun = Instant::now();
    let _sender = send(&server);
    server.has_counted(lines);
    begun.elapsed()
}

fn told(other: &str, ratios: &mut [f64]) -> String {
    ratios.sort_by(f64::total_cmp);
    let median = ratios[ratios.len() / 2];
    format!(
        "median of {}: {median:.2} × as fast as {other}",
        ratios.len()
    )
}

/// Lines as servers write them, of some 180 bytes.
fn write(path: &Path, lines: usize) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for number in 0..lines {
        let host = number.wrapping_mul(0x9e37_79b9) >> 8 & 0xff;
        writeln!(
            file,
            "10.0.3.{host} - - [01/Dec/2026:10:{:02}:{:02} +0000] \"GET /articles/{number}?page={host} HTTP/1.1\" 200 {} \"https://example.org/search?q={host}\" \"Mozilla/5.0 (X11; Linux x86_64; rv:145.0)\"",
            number / 60 % 60,
            number % 60,
            5_000 + host * 13,
        )?;
    }
    file.flush()
}
