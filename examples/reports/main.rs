//! A whole system: messages of several kinds come out of one queue, reports become users and users rows, a second program
//! hears of them, and every night is counted once, by programs that are killed all the time.
//!
//! Shows: a service and its processes, a dispatcher, links as signals between them, `once` stages and their journal,
//! idempotency tokens, rows that are written exactly once, a schedule that is for one of several programs, a broadcast that
//! another program hears, dead letters and how they are replayed; several programs on one queue, on one machine or on several.
//! The system is `system.rs`, on one page; what to do about failures is in `errors.rs`, what lies where in `place`: SQLite files
//! (no server is needed), a PostgreSQL database, or SQS. The rest starts the programs, kills them and checks what they have
//! done.
//!
//! ```text
//! cargo run --release --example reports -- --processes 3 --kill-every 1
//! cargo run --release --example reports --features postgres -- --queue postgres --processes 3 --kill-every 1
//! sudo -E cargo run --release --example reports --features postgres -- --queue postgres --hosts 3 --cut-every 2
//! cargo run --release --example reports -- dead list
//! cargo run --release --example reports -- dead replay
//! cargo run --release --example reports -- --help
//! ```
//!
//! It ends with an audit: every message is a row or a dead letter, no stage ran again that was recorded, the archive has every
//! report once, however often it was sent, each event was heard or counted as missed, and each tick was done once.

#![allow(unreachable_pub, reason = "a program has no outside")]

mod archive;
mod args;
mod audience;
mod audit;
mod calls;
mod crew;
mod cuts;
mod dead;
mod errors;
mod home;
mod ledger;
mod listener;
mod place;
mod producer;
mod report;
mod run;
mod say;
mod spool;
mod system;
mod worker;

use std::error::Error;
use std::process::ExitCode;

use brigade::BoxError;
use clap::Parser;

use args::{Args, Command, QueueKind};
use place::{Files, Place};

#[tokio::main]
async fn main() -> ExitCode {
    match work(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            say::complain(format_args!("reports: {}", causes(&*why)));
            ExitCode::FAILURE
        }
    }
}

/// An error with what is behind it, unless it says so itself.
fn causes(why: &(dyn Error + 'static)) -> String {
    let mut said = why.to_string();
    let mut next = why.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !said.contains(&text) {
            said = format!("{said}: {text}");
        }
        next = cause.source();
    }
    said
}

async fn work(args: Args) -> Result<(), BoxError> {
    let asked = &args.place;
    if asked.hosts > 0 && asked.queue != QueueKind::Postgres {
        let problem = "`--hosts` needs `--queue postgres`: files are of one machine, and no SQS is on their network";
        return Err(problem.into());
    }
    match asked.queue {
        QueueKind::Sqlite => act(&Files::at(asked), &args).await,
        #[cfg(feature = "postgres")]
        QueueKind::Postgres => act(&place::Server::at(asked).await?, &args).await,
        #[cfg(not(feature = "postgres"))]
        QueueKind::Postgres => Err("PostgreSQL is there with `--features postgres`".into()),
        #[cfg(feature = "sqs")]
        QueueKind::Sqs => act(&place::Sqs::at(asked)?, &args).await,
        #[cfg(not(feature = "sqs"))]
        QueueKind::Sqs => Err("queues of SQS are there with `--features sqs`".into()),
    }
}

async fn act<P: Place>(place: &P, args: &Args) -> Result<(), BoxError> {
    let Args {
        load,
        crew,
        command,
        ..
    } = args;
    match command {
        None => run::run(place, load, crew).await,
        Some(Command::Dead { what }) => dead::dead(place, crew, what).await,
        Some(Command::Worker { archive }) => worker::work(place, *archive).await,
        Some(Command::Listen) => listener::listen(place).await,
    }
}
