//! One pipeline as the input of another: each keeps its own errors end; plan, report and drain reach through.
//!
//! ```text
//! cargo run --example compose
//! ```
//!
//! Prints:
//!
//! ```text
//! flowchart LR
//!     s0["numbers/source<br/>source"]
//!     s1["numbers/line, numbers/number, numbers/map<br/>inline"]
//!     s2["numbers<br/>source"]
//!     s3["number, square, map<br/>2 threads"]
//!     s4["sink<br/>writer"]
//!     s0 -->|"≤ 0"| s1
//!     s1 -->|"≤ 1"| s2
//!     s2 -->|"≤ 0"| s3
//!     s3 -->|"≤ 8192"| s4
//!
//! not read: number: invalid digit found in string
//! not squared: square: 4000000000² is too large
//! 1² = 1
//! 3² = 9
//! 5² = 25
//!
//! stage           in  done  filtered  failed  emitted  retries  busy  starved  blocked
//! numbers/source   5     5         0       0        5        0
//! numbers/line     5     5         0       0        5        0
//! numbers/number   5     4         0       1        4        0
//! numbers/map      4     4         0       0        4        0
//! numbers          4     4         0       0        4        0   8 %      0 %     92 %
//! number           4     4         0       0        4        0
//! square           4     3         0       1        3        0  78 %      4 %      0 %
//! map              3     3         0       0        3        0
//! sink             3     3         0       0        0        0  15 %     64 %      0 %
//! 795.707µs, bottleneck: square; in = done + filtered + failed in every row
//! ```
//!
//! The flow chart is Mermaid. Rows above `numbers` in the report are those of the inner pipeline, whose paths begin with
//! that name. The order of the lines between the two differs from run to run.

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
    .named("numbers")
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
