//! Social-media posts, one JSON object a line, from compressed files and live connections into SQLite.
//!
//! Shows: sources of lines, a record with its original line, blocking workers, batches, a table as a sink, rejects
//! that keep where they came from and why, progress, drain, report. The pipeline is in `job.rs`.
//!
//! ```text
//! cargo run --release --example ingest -- --help
//! ```
//!
//! Without arguments it makes up a corpus, and ends with a report whose last line adds up.

#![allow(unreachable_pub, reason = "a program has no outside")]

mod args;
mod clean;
mod corpus;
mod inputs;
mod job;
mod post;
mod progress;
mod reject;
mod stop;
mod tables;
mod totals;

use std::path::Path;
use std::process::ExitCode;

use brigade::{BoxError, Pipeline, Running};
use clap::Parser;
use tokio::runtime::Runtime;

use args::Args;
use inputs::Inputs;
use progress::Progress;
use stop::Ended;
use tables::Tables;

fn main() -> ExitCode {
    let args = Args::parse();
    let ended = Runtime::new().map_err(BoxError::from).and_then(|runtime| {
        let ended = runtime.block_on(ingest(&args));
        // A write that waits for a locked database would keep the program after its deadline.
        runtime.shutdown_background();
        ended
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("ingest: {why}");
            ExitCode::FAILURE
        }
    }
}

async fn ingest(args: &Args) -> Result<(), BoxError> {
    if let Some(out) = &args.out {
        let tally = corpus::write(out, args.generate, args.seed)?;
        println!("{}: {tally}", out.display());
        return Ok(());
    }
    let progress = Progress::new();
    let inputs = Inputs::open(args).await?;
    let tables = Tables::open(args, progress.clone())?;
    let (address, readers) = (inputs.address(), inputs.readers());
    let pipelines = inputs.pipelines(&tables, args.workers());
    if args.plan {
        for pipeline in &pipelines {
            println!("{}", pipeline.plan());
        }
        return Ok(());
    }
    let runs: Vec<_> = pipelines.into_iter().map(Pipeline::spawn).collect();
    if let Some(address) = address {
        progress.say(&format!("listening on {address}"));
    }
    let handles: Vec<_> = runs.iter().map(Running::handle).collect();
    let objects = || {
        handles
            .iter()
            .map(|run| totals::objects(&run.stats()))
            .sum()
    };
    let end = stop::all_ended(runs, args.drain, &progress);
    let ended = progress.during(end, &readers, objects).await;
    report(&ended, &tables, &args.db)
}

/// Prints what was done.
///
/// # Errors
///
/// What kept it from being done, or from being done to the end.
fn report(ended: &[Ended], tables: &Tables, database: &Path) -> Result<(), BoxError> {
    let reports = ended.iter().filter_map(|ended| match ended {
        Ok(report) => Some(report),
        Err(failure) => failure.report(),
    });
    let totals = tables.totals(reports.inspect(|report| println!("{report}")));
    println!("{totals}\n{}: {}", database.display(), tables);
    if let Some(failure) = ended.iter().find_map(|ended| ended.as_ref().err()) {
        return Err(failure.to_string().into());
    }
    totals.verdict()
}
