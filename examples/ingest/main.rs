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
mod ends;
mod inputs;
mod job;
mod post;
mod progress;
mod reject;
mod signals;
mod stop;
mod tables;
mod totals;
mod voice;

use std::path::Path;
use std::process::ExitCode;

use brigade::{BoxError, Pipeline, Running};
use clap::Parser;
use tokio::runtime::Runtime;

use args::Args;
use ends::Ends;
use inputs::Inputs;
use signals::Signals;
use stop::End;
use tables::Tables;
use voice::Voice;

fn main() -> ExitCode {
    let args = Args::parse();
    let voice = Voice::new();
    let ended = Runtime::new().map_err(BoxError::from).and_then(|runtime| {
        let ended = runtime.block_on(ingest(&args, &voice));
        // A write that waits for a locked database would keep the program after its deadline.
        runtime.shutdown_background();
        ended
    });
    let code = ended.unwrap_or_else(|why| {
        voice.say(format!("ingest: {why}"));
        ExitCode::FAILURE
    });
    voice.finish();
    code
}

async fn ingest(args: &Args, voice: &Voice) -> Result<ExitCode, BoxError> {
    if let Some(out) = &args.out {
        let tally = corpus::write(out, args.generate, args.seed)?;
        voice.print(format!("{}: {tally}", out.display()));
        return Ok(ExitCode::SUCCESS);
    }
    let inputs = Inputs::open(args, voice).await?;
    let tables = Tables::open(args, voice.clone())?;
    let (address, readers) = (inputs.address(), inputs.readers());
    let (pipelines, ends) = inputs.pipelines(&tables, args.workers());
    if args.plan {
        for pipeline in &pipelines {
            voice.print(pipeline.plan().to_string());
        }
        return Ok(ExitCode::SUCCESS);
    }
    let signals = Signals::new();
    let runs: Vec<_> = pipelines.into_iter().map(Pipeline::spawn).collect();
    if let Some(address) = address {
        voice.say(format!("listening on {address}"));
    }
    let handles: Vec<_> = runs.iter().map(Running::handle).collect();
    let objects = || {
        handles
            .iter()
            .map(|run| totals::objects(&run.report()))
            .sum()
    };
    let end = stop::all_ended(runs, args.drain, signals, voice);
    let end = progress::during(end, voice, &readers, objects).await;
    report(&end, &ends, &tables, &args.db, voice)
}

/// Prints what was done. The code of a signal, if one has cut it short.
///
/// # Errors
///
/// What kept it from being done, or from being done to the end.
fn report(
    end: &End,
    ends: &Ends,
    tables: &Tables,
    database: &Path,
    voice: &Voice,
) -> Result<ExitCode, BoxError> {
    let reports = end.runs.iter().filter_map(|ended| match ended {
        Ok(report) => Some(report),
        Err(failure) => failure.report(),
    });
    let totals = tables.totals(reports.inspect(|report| {
        voice.print(report.to_string());
        if let Some(advice) = report.advice() {
            voice.print(format!("{advice}\n"));
        }
    }));
    voice.print(format!("{totals}\n{}: {tables}", database.display()));
    if voice.lost() > 0 {
        voice.print(format!("{} messages could not be shown", voice.lost()));
    }
    let signal = end.signal.map(|signal| ExitCode::from(signal.exit_code()));
    let failure = end.runs.iter().find_map(|ended| ended.as_ref().err());
    match (failure, signal) {
        (_, Some(code)) if end.aborted => return Ok(code),
        (Some(failure), _) => return Err(failure.to_string().into()),
        _ => totals.adds_up()?,
    }
    match signal {
        Some(code) if !ends.all_read() => Ok(code),
        _ => totals.all_read().map(|()| ExitCode::SUCCESS),
    }
}
