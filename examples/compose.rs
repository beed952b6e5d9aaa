//! One pipeline as the input of another: each keeps its own errors end; plan, report and drain reach through.
//!
//! ```text
//! cargo run --example compose
//! ```
use brigade::prelude::*;

/// Reads numbers. What it cannot read is its own affair.
fn numbers() -> Pipeline<u32, &'static str> {
    let lines = vec!["1", "two", "3", "4000000000", "5"];
    pipeline! {
        [lines, sink::each(|failure: Failure<&str>| println!("not read: {failure}"))]
        push_task(line),
        let number = line.parse::<u32>()?,
        map(|m| m.number),
    }
    .boxed()
}

fn square(n: u32) -> Result<u32, String> {
    n.checked_mul(n).ok_or_else(|| format!("{n}² is too large"))
}

#[tokio::main]
async fn main() -> Result<(), Failure<u32>> {
    let squares = pipeline! {
        [numbers(), sink::each(|failure: Failure<u32>| println!("not squared: {failure}"))]
        push_task(number),
        :block 2 let square = square(*number)?,
        map(|m| format!("{}² = {}", m.number, m.square)),
        :drive sink::each(|line| println!("{line}")),
    };
    println!("{}", squares.plan().to_mermaid());
    let report = squares.run().await?;
    println!("\n{report}");
    Ok(())
}
