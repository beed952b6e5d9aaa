use brigade::prelude::*;
use std::error::Error;

fn parse(x: u64) -> Result<u64, Box<dyn Error>> {
    Ok(x)
}

fn main() {
    let _ = pipeline! {
        [0..10u64]
        map(parse)?,
    };
}
