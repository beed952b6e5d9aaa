//! `brigade`: what an operator needs of queues, dead letters and schedules.

mod args;
mod confirm;
mod database;
mod failure;
mod letters;
mod print;
mod queue;
mod redact;
mod schedules;
mod table;

use std::process::ExitCode;

use args::{Args, What};
use clap::Parser as _;
use failure::Failure;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return redact::refused(&error),
    };
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(),
    }
}

fn run(args: Args) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::of)?;
    runtime.block_on(async {
        match args.what {
            What::Queue { what } => queue::run(what).await,
            What::Letters { what } => letters::run(what).await,
            What::Schedules { what } => schedules::run(what).await,
        }
    })
}
