//! Messages of a queue in PostgreSQL that become rows, by one to four processes: brigade against SQL that is written by hand.
//!
//! ```text
//! cargo run --release --bin postgres                 # 60,000 messages, 1 to 4 processes, three times
//! cargo run --release --bin postgres -- --quick      # whether it runs
//! ```
//!
//! Each case begins with all messages there, and ends when all rows are. The stages do nothing, so what is measured is what
//! a message costs in the database. The server is started here and waits for the disk, as servers do. Ratios are of one run.

mod by_hand;
mod pipelines;

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use clap::Parser;
use test_servers::Cluster;
use tokio::runtime::Runtime;
use tokio_postgres::{Client, NoTls};

/// How many messages are worked on at once, by a process; of what is written in one transaction, the most.
const AT_ONCE: usize = 64;

/// How often it is looked how far they are: each look counts all rows.
const LOOK: Duration = Duration::from_millis(20);

#[derive(Debug, Parser)]
struct Args {
    /// How many messages
    #[arg(long, default_value = "60000")]
    messages: u32,
    /// How often; the best counts
    #[arg(long, default_value = "3")]
    times: u32,
    /// A few messages, once
    #[arg(long)]
    quick: bool,
    /// Works on messages of a case, as a process of the run
    #[arg(long, hide = true, requires = "server")]
    case: Option<usize>,
    #[arg(long, hide = true)]
    server: Option<String>,
}

/// What is compared.
struct Case {
    name: &'static str,
    /// What puts so many messages on its queue.
    fill: &'static str,
}

const CASES: [Case; 4] = [
    Case {
        name: "by hand, a transaction for each message",
        fill: by_hand::FILL,
    },
    Case {
        name: "by hand, a transaction for 64 messages",
        fill: by_hand::FILL,
    },
    Case {
        name: "brigade, `settling`",
        fill: pipelines::FILL,
    },
    Case {
        name: "brigade, `completing` and an acknowledgement",
        fill: pipelines::FILL,
    },
];

fn main() {
    let args = Args::parse();
    let runtime = Runtime::new().expect("there is a runtime");
    if let (Some(case), Some(server)) = (args.case, &args.server) {
        return runtime.block_on(work(case, server));
    }
    let Some(cluster) = Cluster::new() else {
        return;
    };
    let server = cluster.url("postgres");
    let (messages, times, most) = if args.quick {
        (200, 1, 2)
    } else {
        (args.messages, args.times, 4)
    };
    println!("{messages} messages, messages a second, in brackets against the first line");
    let head: Vec<_> = (1..=most).map(|n| format!(" {n} |")).collect();
    println!(
        "| processes |{}\n|---|{}",
        head.concat(),
        "---|".repeat(most)
    );
    let mut first = Vec::new();
    for (number, case) in CASES.iter().enumerate() {
        let mut line = format!("| {} |", case.name);
        for processes in 1..=most {
            let took = (0..times).map(|_| {
                runtime.block_on(fill(&server, case, messages));
                run(&runtime, &server, number, processes, messages)
            });
            let took = took.min().unwrap_or_default();
            let rate = f64::from(messages) / took.as_secs_f64();
            if number == 0 {
                first.push(rate);
            }
            line += &format!(" {rate:.0} ({:.2}) |", rate / first[processes - 1]);
        }
        println!("{line}");
    }
}

/// What one process does, until it is killed.
async fn work(case: usize, server: &str) {
    match case {
        0 => by_hand::one_by_one(server).await,
        1 => by_hand::many_at_once(server).await,
        2 => pipelines::settle(server).await,
        _ => pipelines::complete(server).await,
    }
}

/// An empty table, and a queue with so many messages.
async fn fill(server: &str, case: &Case, messages: u32) {
    let client = connect(server).await;
    let empty = "DROP SCHEMA IF EXISTS brigade CASCADE; DROP TABLE IF EXISTS jobs, rows; CREATE TABLE rows (number bigint NOT NULL)";
    client.batch_execute(empty).await.expect("it is SQL");
    pipelines::make(server).await;
    client
        .batch_execute(by_hand::JOBS)
        .await
        .expect("it is SQL");
    let fill = case.fill.replace("{}", &messages.to_string());
    client.batch_execute(&fill).await.expect("it is SQL");
    let tidy = "VACUUM ANALYZE; CHECKPOINT";
    for tidy in tidy.split("; ") {
        client.batch_execute(tidy).await.expect("it is SQL");
    }
}

/// How long it takes until all rows are there and no message is, from when the first rows are: what a process needs to start
/// is not counted. Each row is there once.
fn run(runtime: &Runtime, server: &str, case: usize, processes: usize, messages: u32) -> Duration {
    let client = runtime.block_on(connect(server));
    let count = |of: &str| {
        let row = runtime.block_on(client.query_one(&format!("SELECT count({of}"), &[]));
        row.expect("it is SQL").get::<_, i64>(0)
    };
    let mut crew: Vec<_> = (0..processes).map(|_| begin(server, case)).collect();
    let mut begun = None;
    loop {
        let rows = count("*) FROM rows");
        if rows > 0 {
            let (begun, at_first) = *begun.get_or_insert_with(|| (Instant::now(), rows));
            let all = i64::from(messages);
            if rows >= all && count("*) FROM jobs") + count("*) FROM brigade.queue") == 0 {
                let took = begun.elapsed();
                crew.iter_mut().for_each(end);
                assert_eq!(
                    (count("*) FROM rows"), count("DISTINCT number) FROM rows")),
                    (all, all)
                );
                let share = 1.0 - at_first as f64 / f64::from(messages);
                return took.div_f64(share.max(0.01));
            }
        }
        std::thread::sleep(LOOK);
    }
}

fn begin(server: &str, case: usize) -> Child {
    let program = std::env::current_exe().expect("it has a path");
    let mut command = Command::new(program);
    command.args(["--case", &case.to_string(), "--server", server]);
    command.stdin(Stdio::null()).spawn().expect("it starts")
}

fn end(worker: &mut Child) {
    worker.kill().expect("it runs");
    worker.wait().expect("it is ours");
}

async fn connect(server: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(server, NoTls)
        .await
        .expect("a server");
    tokio::spawn(connection);
    client
}
