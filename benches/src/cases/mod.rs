//! The cases, one file each.

use crate::case::{Case, Size};

mod by;
mod compile;
mod connections;
mod drive;
mod durable;
mod fused;
mod hops;
mod in_flight;
mod ingest;
mod inputs;
mod latency;
mod memory;
mod parallel;
mod rate;
mod records;
mod safety;
mod scaling;
mod state;
mod tee;

/// All cases, in the order of the report.
#[rustfmt::skip]
const CASES: &[fn(Size) -> Case] = &[
    hops::u64,
    hops::bytes,
    hops::string,
    fused::case,
    inputs::case,
    parallel::even,
    parallel::skewed,
    in_flight::case,
    by::case,
    rate::case,
    drive::case,
    tee::case,
    latency::case,
    memory::case,
    connections::case,
    ingest::case,
    durable::case,
    compile::case,
    records::case,
    state::case,
    safety::case,
    scaling::case,
];

/// All cases, in the order of the report. To make them is cheap: what takes time belongs into the first run of a
/// contender, which is not measured.
pub fn all(size: Size) -> Vec<Case> {
    CASES.iter().map(|case| case(size)).collect()
}
