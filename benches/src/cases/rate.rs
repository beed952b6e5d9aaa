//! How well calls keep to a rate.

use std::time::{Duration, Instant};

use brigade::prelude::*;
use tokio::time::{MissedTickBehavior, interval};

use crate::case::{Case, Contender, Goal, Sample, Size, Table};
use crate::rt::Consumer;

const BRIGADE: &str = "brigade, `rate`";
const INTERVAL: &str = "`tokio::time::interval` by hand";

/// Calls that begin at a rate.
pub fn case(size: Size) -> Case {
    let note = "Calls that are ready at once begin at a rate. How much longer all of them took than they have to, of a \
                hundred; and how many began in the busiest tenth of a second, of a hundred that may: over 100 where a \
                call begins late that was given its place in time.";
    let mut case = Case::new("rate", "Precision of a rate", note);
    for rate in [100_u32, 1_000, 10_000] {
        let calls = size.pick(u64::from(rate), 100);
        case = case.table(
            Table::new(format!("{rate} calls a second"))
                .columns([("late", "% late"), ("busiest", "% of what may")])
                .baseline(INTERVAL)
                .contender(Contender::new(
                    BRIGADE,
                    "`:async 64 map(call) with { rate: Rate::per_second(…) }`",
                    move || limited(rate, calls),
                ))
                .contender(
                    Contender::new(INTERVAL, "a tick in front of each call", move || {
                        ticking(rate, calls)
                    })
                    .crates(&["tokio"]),
                )
                .goal(Goal::at_most(BRIGADE, 2.0).column("late")),
        );
    }
    case
}

fn limited(rate: u32, calls: u64) -> Sample {
    Consumer::Spawned.run(async move {
        let start = Instant::now();
        let limit = Rate::per_second(rate);
        let begun = pipeline! {
            [0..calls]
            :async 64 map(async move |_| start.elapsed()) with { rate: limit },
        };
        sample(rate, begun.collect().await.expect("nothing fails"))
    })
}

fn ticking(rate: u32, calls: u64) -> Sample {
    Consumer::Spawned.run(async move {
        let start = Instant::now();
        let mut ticks = interval(Duration::from_secs(1) / rate);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut begun = Vec::new();
        for _ in 0..calls {
            ticks.tick().await;
            begun.push(start.elapsed());
        }
        sample(rate, begun)
    })
}

fn sample(rate: u32, mut begun: Vec<Duration>) -> Sample {
    begun.sort_unstable();
    let (first, last) = (begun[0], begun[begun.len() - 1]);
    let due = (begun.len() - 1) as f64 / f64::from(rate);
    let span = Duration::from_millis(100);
    let within = |from: usize| begun[from..].partition_point(|at| *at < begun[from] + span);
    let busiest = (0..begun.len()).map(within).max().unwrap_or(0);
    Sample::new()
        .with(
            "late",
            100.0 * (last.saturating_sub(first).as_secs_f64() / due - 1.0),
        )
        .with(
            "busiest",
            100.0 * busiest as f64 / (f64::from(rate) * span.as_secs_f64() + 1.0),
        )
}
