//! Counts the instructions that an item takes, so that no change makes it more unseen.
//!
//! `cargo run --release --manifest-path benches/guard/Cargo.toml` compares with `instructions.txt` and fails where an item
//! takes more than it did; `--bless` writes the file anew. Instructions are counted by valgrind's callgrind:
//! unlike time they are the same on a busy machine. Each case runs with few items and with many in a process of its own,
//! and the difference counts: what a pipeline costs to build does not.
//!
//! Who wakes whom is decided by the clock in places, which goes on while valgrind counts: arms that hand on as they come
//! differ by a sixth between two runs. So the file holds the median of some runs, and a case is worse if each of them is.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use std::time::Duration;

use brigade::journal;
use brigade::prelude::*;
use brigade::queue::{self, Outgoing};

type Error = Box<dyn std::error::Error + Send + Sync>;

/// An item may take so much more than it did, of 100: what the allocator and the length of a path in memory change.
const TOLERANCE: f64 = 5.0;

/// So many runs give what the file says, and so many may differ from it until one does not.
const RUNS: usize = 5;

const FEW: u64 = 20_000;
const MANY: u64 = 120_000;

/// A name, and what runs so many items.
type Case = (&'static str, fn(u64) -> u64);

/// The cases: everything runs on one thread, and no bound is so wide that how fast valgrind is changes a chunk.
const CASES: &[Case] = &[
    ("fused stages, streamed", |items| run(fused(items))),
    ("two inputs as one, and a fused stage", |items| {
        run(merged(items))
    }),
    ("three hops, buffers of 64", |items| run(hops(items))),
    ("a Rust `match` in a `map`", |items| run(by_hand(items))),
    ("the same as a `match` of plain arms", |items| {
        run(plain_arms(items))
    }),
    ("three hops, the second in two arms, unordered", |items| {
        run(arms_as_they_come(items))
    }),
    ("three hops, the second in two arms, in order", |items| {
        run(arms_in_order(items))
    }),
    ("three hops, a `tee` behind the first", |items| {
        run(teed(items))
    }),
    ("futures ready at once, 16 in flight", |items| {
        run(futures_in_flight(items))
    }),
    ("a record of four keys, collected", |items| {
        run(records(items))
    }),
    ("deliveries of a queue in memory", |items| {
        run(deliveries(items))
    }),
    ("deliveries with a `once` in memory", |items| {
        run(recorded(items))
    }),
];

fn run(case: impl Future<Output = Result<u64, Failure>>) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime
        .and_then(|runtime| runtime.block_on(case).map_err(std::io::Error::other))
        .unwrap_or_else(|error| panic!("the case failed: {error}"))
}

macro_rules! sum {
    ($pipeline:expr $(, $without_task:expr)?) => {{
        let (mut items, mut sum) = ($pipeline.stream(), 0_u64);
        while let Some(item) = items.next().await {
            sum = sum.wrapping_add(item$(.map_err($without_task))??);
        }
        Ok(sum)
    }};
}

async fn fused(items: u64) -> Result<u64, Failure> {
    sum!(pipeline! { [0..items] map(|x: u64| x + 1), filter(|x| x % 8 != 0), map(|x| x ^ 5) })
}

async fn merged(items: u64) -> Result<u64, Failure> {
    sum!(pipeline! { [source::merge([0..items / 2, 0..items / 2])] map(|x: u64| x + 1) })
}

async fn hops(items: u64) -> Result<u64, Failure> {
    sum!(pipeline! {
        [0..items]
        1 map(|x: u64| x + 1) with { buffer: 64 },
        1 map(|x| x ^ 5) with { buffer: 64 },
        1 map(|x| x + 1) with { buffer: 64 },
    })
}

async fn by_hand(items: u64) -> Result<u64, Failure> {
    sum!(pipeline! {
        [0..items]
        map(|x: u64| match x % 4 { 0 => x + 1, 1 => x ^ 5, _ => x * 3 }),
        filter(|x| x % 8 != 0),
    })
}

async fn plain_arms(items: u64) -> Result<u64, Failure> {
    sum!(pipeline! {
        [0..items]
        match |x| x % 4 { 0 => map(|x| x + 1), 1 => map(|x| x ^ 5), _ => map(|x| x * 3) },
        filter(|x| x % 8 != 0),
    })
}

async fn arms_as_they_come(items: u64) -> Result<u64, Failure> {
    sum!(pipeline! {
        [0..items]
        1 map(|x: u64| x + 1) with { buffer: 64 },
        match |x| x % 2 {
            0 => { 1 map(|x| x ^ 5) with { buffer: 64 } }
            _ => { 1 map(|x| x ^ 7) with { buffer: 64 } }
        } with { unordered },
        1 map(|x| x + 1) with { buffer: 64 },
    })
}

async fn arms_in_order(items: u64) -> Result<u64, Failure> {
    sum!(pipeline! {
        [0..items]
        1 map(|x: u64| x + 1) with { buffer: 64 },
        match |x| x % 2 {
            0 => { 1 map(|x| x ^ 5) with { buffer: 64 } }
            _ => { 1 map(|x| x ^ 7) with { buffer: 64 } }
        },
        1 map(|x| x + 1) with { buffer: 64 },
    })
}

async fn teed(items: u64) -> Result<u64, Failure> {
    sum!(pipeline! {
        [0..items]
        1 map(|x: u64| x + 1) with { buffer: 64 },
        tee { :drive sink::discard() with { buffer: 64 } },
        1 map(|x| x ^ 5) with { buffer: 64 },
        1 map(|x| x + 1) with { buffer: 64 },
    })
}

async fn futures_in_flight(items: u64) -> Result<u64, Failure> {
    sum!(pipeline! { [0..items] :async 16 map(async |x: u64| x + 1) with { buffer: 64 } })
}

async fn records(items: u64) -> Result<u64, Failure> {
    let rows: Vec<u64> = pipeline! {
        [0..items]
        push_task(number),
        let half = number / 2,
        let square = half * half,
        let text = square.to_string(),
        map(|m| m.number + m.half + m.square + m.text.len() as u64),
    }
    .collect()
    .await
    .map_err(|failure| failure.map_task(|_| None))?;
    Ok(rows.into_iter().fold(0, u64::wrapping_add))
}

/// A queue of so many messages.
async fn queued(items: u64) -> queue::Memory<u64> {
    let queue = queue::memory().capacity(usize::try_from(items).expect("few enough"));
    let messages = (0..items).map(Outgoing::new).collect();
    queue.send(messages).await.expect("there is room");
    queue
}

async fn deliveries(items: u64) -> Result<u64, Failure> {
    let queue = queued(items).await;
    sum!(
        pipeline! {
            [queue.deliveries().wait(Duration::ZERO).until_idle()]
            push_task(message),
            :async 16 let next = async { **message + 1 }.await with { buffer: 64 },
            map(|m| m.next),
        },
        |failure| failure.map_task(|_| None)
    )
}

async fn recorded(items: u64) -> Result<u64, Failure> {
    let queue = queued(items).await;
    let journal = journal::memory();
    sum!(
        pipeline! {
            [queue.deliveries().wait(Duration::ZERO).until_idle()]
            journal = journal;
            push_task(message),
            :async 16 let next = async { **message + 1 }.await with { once, buffer: 64 },
            map(|m| m.next),
        },
        |failure| failure.map_task(|_| None)
    )
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match args[..] {
        [] => compare(),
        ["--bless"] => bless(),
        // What it calls itself with, under callgrind.
        ["case", number, items] => case(number, items),
        _ => Err("usage: guard [--bless]".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("guard: {error}");
            ExitCode::FAILURE
        }
    }
}

fn case(number: &str, items: &str) -> Result<(), Error> {
    let (_, case) = CASES[number.parse::<usize>()?];
    std::hint::black_box(case(items.parse()?));
    Ok(())
}

fn compare() -> Result<(), Error> {
    if !has_valgrind() {
        println!("skipped: instructions are not counted, for there is no valgrind on this machine");
        return Ok(());
    }
    let (known, mut worse) = (known()?, 0);
    for (number, (name, _)) in CASES.iter().enumerate() {
        let Some(before) = known.get(*name) else {
            return Err(format!("{} has no `{name}`; run with --bless", file().display()).into());
        };
        let mut now = instructions(number)?;
        for _ in 1..RUNS {
            if now <= before * (1.0 + TOLERANCE / 100.0) {
                break;
            }
            now = now.min(instructions(number)?);
        }
        let change = 100.0 * (now / before - 1.0);
        let verdict = match change {
            change if change > TOLERANCE => "WORSE",
            change if change < -TOLERANCE => "better: --bless to keep it",
            _ => "ok",
        };
        worse += usize::from(verdict == "WORSE");
        println!(
            "{name:<40} {before:>8.1} → {now:>8.1} instructions an item, {change:+.1} %: {verdict}"
        );
    }
    match worse {
        0 => Ok(()),
        _ => Err(format!(
            "{worse} cases take over {TOLERANCE} % more than {} says; if that is meant, run with --bless",
            file().display()
        )
        .into()),
    }
}

fn bless() -> Result<(), Error> {
    let mut lines = String::from(
        "# Instructions an item, as callgrind counts them; written by `guard --bless`.\n",
    );
    for (number, (name, _)) in CASES.iter().enumerate() {
        let mut runs: Vec<f64> = (0..RUNS)
            .map(|_| instructions(number))
            .collect::<Result<_, _>>()?;
        runs.sort_by(f64::total_cmp);
        let now = runs[RUNS / 2];
        println!("{name:<40} {now:>8.1}");
        writeln!(lines, "{now:.1} {name}")?;
    }
    Ok(std::fs::write(file(), lines)?)
}

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("instructions.txt")
}

fn known() -> Result<BTreeMap<String, f64>, Error> {
    let text = std::fs::read_to_string(file())
        .map_err(|error| format!("{}: {error}; run with --bless", file().display()))?;
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let (count, name) = line.split_once(' ').ok_or("a line without a name")?;
            Ok((name.to_owned(), count.parse()?))
        })
        .collect()
}

fn has_valgrind() -> bool {
    let asked = Command::new("valgrind")
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    asked.is_ok_and(|status| status.success())
}

fn instructions(case: usize) -> Result<f64, Error> {
    let (few, many) = (total(case, FEW)?, total(case, MANY)?);
    Ok((many - few) as f64 / (MANY - FEW) as f64)
}

/// All instructions of a process that runs the case.
fn total(case: usize, items: u64) -> Result<u64, Error> {
    let counted = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe()?)
        .args(["case", &case.to_string(), &items.to_string()])
        .output()?;
    let said = String::from_utf8_lossy(&counted.stderr);
    let line = said
        .lines()
        .find_map(|line| line.split_once("Collected : "));
    match line {
        Some((_, count)) if counted.status.success() => Ok(count.trim().parse()?),
        _ => Err(format!("callgrind failed: {said}").into()),
    }
}
