//! Measures brigade against its peers, interleaved, and writes `BENCHMARKS.md`.
//!
//! A case is one file in `cases`; README.md says how one is added.

mod args;
mod bare;
mod case;
mod cases;
mod machine;
mod measure;
pub mod place;
mod process;
mod report;
mod results;
mod rt;
mod stats;
mod tools;

use clap::Parser;

use args::Args;
use case::{Case, Size};
use results::Results;

/// The command.
pub fn main() {
    let args = Args::parse();
    if let Some(sample) = &args.sample {
        return process::answer(sample, args.size());
    }
    let cases: Vec<Case> = cases::all(args.size())
        .into_iter()
        .filter(|case| args.wants(case))
        .collect();
    if cases.is_empty() {
        eprintln!("no case is named like that; `--list` names them");
        std::process::exit(2);
    }
    if args.list {
        return report::list(&cases);
    }
    if args.render {
        return report::write(&cases, &Results::read());
    }
    let mut results = Results::read();
    for mut case in cases {
        let measured = measure::case(&mut case, &args);
        if args.size() == Size::Full {
            println!("{}", report::section(&case, &measured));
            results.replace(measured);
            // After each case, so that a run that is interrupted keeps what it has measured.
            if args.writes() {
                results.save();
            }
        }
    }
    if args.writes() {
        report::write(&cases::all(Size::Full), &results);
    }
}
