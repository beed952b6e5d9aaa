//! What has stages cannot be added to an input that runs.

use brigade::prelude::*;

fn main() {
    let (sources, input) = source::open_ended();
    let lines = pipeline! { [vec!["a", "b"]] map(|line| line.len()) }.boxed();
    sources.add("lines", lines).unwrap();
    let _ = pipeline! { [input] map(|length: usize| length) };
}
