//! Outlines of countries, from 300 bytes to 150 MB, simplified and written into Elasticsearch or what speaks its protocol, in
//! as much memory as a budget says.
//!
//! Shows: a budget of bytes, a bulk sink, how a pipeline waits for a server that has no room, and an audit from outside. The
//! pipeline is in `job.rs`.
//!
//! ```text
//! cargo run --release --example shapes
//! cargo run --release --example shapes -- --help
//! ```
//!
//! Without arguments it makes up 250 outlines of 213 MB in all, starts a server that answers 429 and 413, late, and not at all
//! now and then, and ends with `each document is what its source says`.

#![allow(unreachable_pub, reason = "a program has no outside")]

mod args;
mod audit;
mod given;
mod job;
mod memory;
mod outline;
mod progress;
mod reader;
mod server;
mod simplify;

use std::process::ExitCode;

use brigade::{BoxError, Budget};
use clap::Parser;
use peak_alloc::PeakAlloc;
use tokio::runtime::Runtime;

use args::{Args, From};
use reader::Reader;
use server::Child;

#[global_allocator]
static LIVE: PeakAlloc = PeakAlloc;

fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = Runtime::new().map_err(BoxError::from);
    let ended = runtime.and_then(|runtime| match args.serve {
        Some(seed) => runtime.block_on(server::serve(seed)).map(|()| true),
        None => runtime.block_on(shapes(&args)),
    });
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("shapes: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Moves all shapes, and says whether each is where it should be.
async fn shapes(args: &Args) -> Result<bool, BoxError> {
    // In a process of its own: what it keeps is none of ours.
    let own = match &args.server {
        Some(_) => None,
        None => Some(Child::start(args.seed)?),
    };
    let url = match (&args.server, &own) {
        (Some(url), _) => url.clone(),
        (None, own) => own.as_ref().map(Child::url).unwrap_or_default(),
    };
    let reader = Reader::at(&url, &args.index)?;
    reader.make_index().await?;

    let budget = Budget::new(args.budget);
    let documents = job::documents(&url, &args.index, args.request)?;
    let stats = documents.stats();
    let moving = job::Moving {
        budget: budget.clone(),
        workers: args.workers(),
        writers: args.writers.get(),
        documents,
        watch: args.watch,
    };
    let moved = match args.from() {
        From::Files(paths) => moving.files(paths).await,
        #[cfg(feature = "postgres")]
        From::Rows(url) => moving.rows(&url).await,
        From::Generated(all) => moving.generated(all).await,
    };
    let (report, failed) = moved?;
    println!("{report}");
    if let Some(advice) = report.advice() {
        println!("{advice}\n");
    }
    let (bulk, used) = (stats.snapshot(), budget.usage());
    println!(
        "{} documents written in {} requests, {}; {} sent again, {} requests halved, {} connections broken",
        bulk.written,
        bulk.requests,
        memory::bytes(bulk.bytes),
        bulk.again,
        bulk.halved,
        bulk.broken
    );
    println!(
        "the budget is {}: {} were held at most; an input waited {} times, {:.1?} in all",
        memory::bytes(used.bytes),
        memory::bytes(used.peak),
        used.waits,
        used.waited
    );
    let live = LIVE.peak_usage() as u64;
    println!(
        "{} were alive at most, by the allocator; {} was the process at most",
        memory::bytes(live),
        memory::peak().map_or_else(|| "?".to_owned(), memory::bytes)
    );
    for why in &failed {
        println!("failed: {why}");
    }
    let audited = audit::audit(&reader, args.from()).await?;
    println!("{audited}");
    Ok(failed.is_empty() && audited.is_well())
}
