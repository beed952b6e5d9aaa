//! What is watched, for Prometheus.

mod scrape;
mod writing;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use pipeline_runtime::queue::QueueStats;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use self::scrape::{Scrape, Told};
use self::writing::{Label, Writing};
use crate::state::Outside;
use crate::watched::Watched;

/// What `/metrics` says, as a collector of `prometheus-client`: [`Page::collector`](crate::Page::collector). It reads at the
/// scrape; until then nothing is done for it.
///
/// | metric | labels |
/// |---|---|
/// | `brigade_stage_{in,done,filtered,failed,emitted,retried,skipped}_items_total` | `pipeline`, `stage` |
/// | `brigade_stage_{busy,starved,blocked,limited}_seconds_total`: of all workers together | `pipeline`, `stage` |
/// | `brigade_stage_workers`, `brigade_stage_held_items`, `brigade_stage_waiting_items` | `pipeline`, `stage` |
/// | `brigade_pipeline_up`, `brigade_pipeline_paused`: 1 or 0 | `pipeline` |
/// | `brigade_pipeline_budget_{used,limit}_bytes` | `pipeline`, `budget`: its place |
/// | `brigade_budget_{used,limit}_bytes` | `budget` |
/// | `brigade_process_{runs,restarts,failures}_total` | `pipeline` |
/// | `brigade_queue_messages` (of the page alone) | `queue`, `state` |
/// | `brigade_letters` (of the page alone) | `letters` |
///
/// A process of a service is the pipeline `service/process`, and its counts are those of all its runs. Counters never fall while
/// the program runs. No label comes from an item.
pub struct Metrics {
    watched: Arc<Watched>,
    outside: Option<Arc<Outside>>,
    told: Mutex<Told>,
}

impl Metrics {
    pub(crate) fn new(watched: Arc<Watched>, outside: Option<Arc<Outside>>) -> Self {
        Self {
            watched,
            outside,
            told: Mutex::default(),
        }
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Metrics").field(&self.watched).finish()
    }
}

const COUNTS: [(&str, &str); 7] = [
    ("brigade_stage_in_items", "Items that came to the stage"),
    ("brigade_stage_done_items", "Items that it has processed"),
    (
        "brigade_stage_filtered_items",
        "Items that it has dropped on purpose",
    ),
    (
        "brigade_stage_failed_items",
        "Items that have failed in it for good",
    ),
    ("brigade_stage_emitted_items", "Items that it has put out"),
    (
        "brigade_stage_retried_items",
        "Calls that it has made again",
    ),
    (
        "brigade_stage_skipped_items",
        "Items for which a lossy side line had no room",
    ),
];

const SECONDS: [(&str, &str); 4] = [
    (
        "brigade_stage_busy_seconds",
        "Time in which its workers have worked, all together",
    ),
    (
        "brigade_stage_starved_seconds",
        "Time in which they have waited for items",
    ),
    (
        "brigade_stage_blocked_seconds",
        "Time in which they have waited for room behind them",
    ),
    (
        "brigade_stage_limited_seconds",
        "Time in which its rate has kept them",
    ),
];

const NOW: [(&str, &str); 3] = [
    (
        "brigade_stage_workers",
        "How many work at the same time, at most",
    ),
    (
        "brigade_stage_held_items",
        "Items that it works on or keeps",
    ),
    ("brigade_stage_waiting_items", "Items that wait behind it"),
];

impl Collector for Metrics {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let mut scrape = Scrape::of(&self.watched);
        scrape.rises(&mut told);
        drop(told);
        let mut writing = Writing(encoder);
        for (place, metric) in COUNTS.into_iter().enumerate() {
            let stages = scrape.stages.iter();
            writing.counters(
                metric,
                stages.map(|(labels, of)| (&labels[..], of.counts[place])),
            )?;
        }
        for (place, metric) in SECONDS.into_iter().enumerate() {
            let timed = scrape.stages.iter();
            let timed = timed.filter_map(|(labels, of)| Some((&labels[..], of.seconds?[place])));
            writing.counters(metric, timed)?;
        }
        for (place, metric) in NOW.into_iter().enumerate() {
            let stages = scrape.stages.iter();
            let stages = stages.filter_map(|(labels, of)| Some((&labels[..], of.now[place]?)));
            writing.gauges(metric, stages)?;
        }
        let pipelines = || scrape.pipelines.iter();
        let up = pipelines().map(|(labels, of)| (&labels[..], u64::from(of.is_up)));
        writing.gauges(("brigade_pipeline_up", "Whether it runs"), up)?;
        let paused = pipelines().map(|(labels, of)| (&labels[..], u64::from(of.is_paused)));
        writing.gauges(
            ("brigade_pipeline_paused", "Whether it takes nothing in"),
            paused,
        )?;
        let told = [
            ("brigade_process_runs", "How often it was made"),
            ("brigade_process_restarts", "How often it was made again"),
            (
                "brigade_process_failures",
                "How many of its failures were noted",
            ),
        ];
        for (place, metric) in told.into_iter().enumerate() {
            let processes = scrape.processes.iter();
            writing.counters(
                metric,
                processes.map(|(labels, of)| (&labels[..], of[place])),
            )?;
        }
        self.budgets(&mut writing)?;
        self.outside(&mut writing)
    }
}

impl Metrics {
    fn budgets(&self, writing: &mut Writing<'_>) -> fmt::Result {
        let mut of_inputs = Vec::new();
        for (name, handle) in &self.watched.pipelines {
            for (place, usage) in handle.budgets().into_iter().enumerate() {
                let pipeline = ("pipeline", name.to_string());
                let labels: Vec<Label<'static>> = vec![pipeline, ("budget", place.to_string())];
                of_inputs.push((labels, usage));
            }
        }
        let of_inputs = || of_inputs.iter();
        let used = of_inputs().map(|(labels, usage)| (&labels[..], usage.held));
        writing.gauges(
            ("brigade_pipeline_budget_used_bytes", "What its items hold"),
            used,
        )?;
        let most = of_inputs().map(|(labels, usage)| (&labels[..], usage.bytes));
        writing.gauges(
            ("brigade_pipeline_budget_limit_bytes", "What they may hold"),
            most,
        )?;
        let budgets = self.watched.budgets.iter();
        let budgets: Vec<_> = budgets
            .map(|(name, budget)| (vec![("budget", name.to_string())], budget.usage()))
            .collect();
        let used = budgets
            .iter()
            .map(|(labels, usage)| (&labels[..], usage.held));
        writing.gauges(("brigade_budget_used_bytes", "What items hold of it"), used)?;
        let most = budgets
            .iter()
            .map(|(labels, usage)| (&labels[..], usage.bytes));
        writing.gauges(
            ("brigade_budget_limit_bytes", "How much there is of it"),
            most,
        )
    }

    /// What queues and stores of letters have said last.
    fn outside(&self, writing: &mut Writing<'_>) -> fmt::Result {
        let Some(outside) = &self.outside else {
            return Ok(());
        };
        let mut messages: Vec<(Vec<Label<'static>>, u64)> = Vec::new();
        for heard in &outside.queues {
            let Some(Ok(stats)) = heard.said() else {
                continue;
            };
            for (state, count) in states(&stats) {
                let queue = ("queue", heard.name.to_string());
                messages.push((vec![queue, ("state", state.to_owned())], count));
            }
        }
        let messages = messages.iter().map(|(labels, count)| (&labels[..], *count));
        writing.gauges(("brigade_queue_messages", "Messages in a queue"), messages)?;
        let letters = outside.letters.iter().filter_map(|heard| {
            let count = heard.said()?.ok()?;
            Some((vec![("letters", heard.name.to_string())], count))
        });
        let letters: Vec<_> = letters.collect();
        let letters = letters.iter().map(|(labels, count)| (&labels[..], *count));
        writing.gauges(("brigade_letters", "Dead letters"), letters)
    }
}

fn states(stats: &QueueStats) -> [(&'static str, u64); 4] {
    [
        ("ready", stats.ready),
        ("delayed", stats.delayed),
        ("taken", stats.taken),
        ("behind", stats.behind),
    ]
}
