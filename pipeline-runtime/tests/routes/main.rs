//! Promises 51 to 54 and 57: matches and side lines of any shape, nested in each other, with the smallest windows and buffers, keep the
//! order, the bound that is printed and every item, and neither hang nor leave anything behind.
//!
//! `BRIGADE_ROUTES_SECONDS=600 cargo test -p pipeline-runtime --test routes` tries more of them than the four seconds'
//! worth that are tried otherwise; `BRIGADE_ROUTES_SEED=42` tries that one alone.

mod random;
mod run;
mod shape;
mod wiring;

use std::time::{Duration, Instant, SystemTime};

#[test]
fn matches_and_side_lines_of_any_shape_keep_order_bound_and_count_and_do_not_hang() {
    let set = |name: &str| {
        std::env::var(name)
            .ok()
            .and_then(|value| value.parse().ok())
    };
    if let Some(seed) = set("BRIGADE_ROUTES_SEED") {
        return run::seed(seed);
    }
    let seconds = set("BRIGADE_ROUTES_SECONDS").unwrap_or(4);
    let until = Instant::now() + Duration::from_secs(seconds);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let first = u64::try_from(now.unwrap().as_millis()).unwrap() << 16;
    let mut tried = 0;
    while Instant::now() < until {
        run::seed(first + tried);
        tried += 1;
    }
    println!("{tried} shapes, from seed {first} on");
}
