//! A queue worker: report messages from a queue into SQLite, through processes that are killed all the time.
//!
//! Shows: a queue as the input, `once` stages and their journal, idempotency tokens, rows that are written exactly once,
//! dead letters and how they are replayed, several processes on one queue. The pipeline is in `job.rs`, what to do about
//! failures in `errors.rs`; the rest starts the processes, kills them and checks what they have done.
//!
//! ```text
//! cargo run --release --example reports -- --processes 3 --kill-every 1
//! cargo run --release --example reports -- dead list
//! cargo run --release --example reports -- dead replay
//! cargo run --release --example reports -- --help
//! ```
//!
//! It ends with an audit: every message is a row or a dead letter, no stage ran again that was recorded, and the archive
//! has every report once, however often it was sent.

#![allow(unreachable_pub, reason = "a program has no outside")]

mod archive;
mod args;
mod audit;
mod calls;
mod crew;
mod dead;
mod errors;
mod job;
mod ledger;
mod place;
mod report;
mod run;
mod say;
mod spool;
mod worker;

use std::process::ExitCode;

use brigade::BoxError;
use clap::Parser;

use args::{Args, Command};

#[tokio::main]
async fn main() -> ExitCode {
    match work(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            say::complain(format_args!("reports: {why}"));
            ExitCode::FAILURE
        }
    }
}

async fn work(args: Args) -> Result<(), BoxError> {
    let Args {
        place,
        load,
        crew,
        command,
    } = args;
    match command {
        None => run::run(&place, &load, &crew).await,
        Some(Command::Dead { what }) => dead::dead(&place, &crew, what).await,
        Some(Command::Worker { archive }) => worker::work(&place, archive).await,
    }
}
