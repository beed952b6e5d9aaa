//! What the command is told.

use clap::Parser;

use crate::case::{Case, Size};

/// Measures brigade against its peers, interleaved, and writes BENCHMARKS.md
#[derive(Parser)]
pub struct Args {
    /// Runs every case once with few items, checks its results, and writes nothing
    #[arg(long)]
    quick: bool,
    /// Runs only the cases whose id contains this; may be repeated
    #[arg(long, value_name = "CASE")]
    only: Vec<String>,
    /// Writes BENCHMARKS.md after a run of a part too
    #[arg(long)]
    write: bool,
    /// Lists the cases
    #[arg(long)]
    pub list: bool,
    /// Writes BENCHMARKS.md anew from the last results, without measuring
    #[arg(long, conflicts_with_all = ["quick", "only", "list"])]
    pub render: bool,
    /// How often each contender is measured
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Measures one contender once and prints the sample: CASE, TABLE, CONTENDER
    #[arg(long, num_args = 3, hide = true)]
    pub sample: Option<Vec<String>>,
}

impl Args {
    /// How many items the contenders move.
    pub fn size(&self) -> Size {
        if self.quick { Size::Quick } else { Size::Full }
    }

    /// How often each contender is measured.
    pub fn rounds(&self) -> u32 {
        if self.quick { 1 } else { self.rounds }
    }

    /// Whether a case was asked for.
    pub fn wants(&self, case: &Case) -> bool {
        self.only.is_empty() || self.only.iter().any(|part| case.id.contains(part.as_str()))
    }

    /// Whether the results are kept.
    pub fn writes(&self) -> bool {
        !self.quick && (self.write || self.only.is_empty())
    }
}
