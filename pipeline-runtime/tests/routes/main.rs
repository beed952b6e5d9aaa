//! Promises 34, 35, 39, 43, 51 to 54, 56, 57, 61 and 71: pipelines of any shape keep the order, the bound that is printed,
//! every item and every delivery, and neither hang nor leave anything behind.
//!
//! A seed gives stages of all kinds, with keys, retries, time-outs, rates and several outputs, alone, in side lines, and in
//! matches that are nested in each other; stages that keep items; loops; items, messages that come again, and tasks whose
//! values are recorded; with the smallest windows and buffers, counts that change, failures, panics, and an errors end
//! that is read late. It ends by itself, or is drained, aborted or dropped in the midst. Half of them run in virtual time.
//!
//! `BRIGADE_ROUTES_SECONDS=600 cargo test -p pipeline-runtime --all-features --test routes` tries more of them than the
//! twenty seconds' worth that are tried otherwise; `BRIGADE_ROUTES_SEED=42` prints what that seed gives, and tries it alone.

mod calls;
mod case;
mod check;
mod fate;
mod keeping;
mod queue;
mod random;
mod record;
mod run;
mod shape;
mod wiring;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// No case takes as long in real time.
const STUCK: Duration = Duration::from_secs(200);

#[test]
fn pipelines_of_any_shape_keep_order_bound_and_count_and_do_not_hang() {
    let set = |name: &str| {
        std::env::var(name)
            .ok()
            .and_then(|value| value.parse().ok())
    };
    if let Some(seed) = set("BRIGADE_ROUTES_SEED") {
        println!("{:#?}", case::Case::of(seed));
        return run::seed(seed);
    }
    let seconds = set("BRIGADE_ROUTES_SECONDS").unwrap_or(20);
    let until = Instant::now() + Duration::from_secs(seconds);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let first = u64::try_from(now.unwrap().as_millis()).unwrap() << 16;
    watch();
    let mut tried = 0;
    while Instant::now() < until {
        SEED.store(first + tried, Ordering::SeqCst);
        run::seed(first + tried);
        tried += 1;
    }
    println!("{tried} shapes, from seed {first} on");
}

/// Which is being tried.
static SEED: AtomicU64 = AtomicU64::new(0);

/// One that never comes back to its timers is named all the same.
fn watch() {
    std::thread::spawn(|| {
        let (mut seen, mut since) = (0, Instant::now());
        loop {
            std::thread::sleep(Duration::from_secs(1));
            let seed = SEED.load(Ordering::SeqCst);
            if seed != seen {
                (seen, since) = (seed, Instant::now());
            }
            if since.elapsed() > STUCK {
                eprintln!("stuck; BRIGADE_ROUTES_SEED={seed} repeats it");
                std::process::abort();
            }
        }
    });
}
