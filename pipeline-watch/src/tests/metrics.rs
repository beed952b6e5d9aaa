//! What Prometheus is told.

use std::collections::HashMap;
use std::time::Duration;

use brigade::prelude::*;
use brigade::service::{Restart, Service, State};
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;

use super::client::{TOKEN, get};
use crate::Page;

/// All values, by name and labels.
fn values(text: &str) -> HashMap<String, f64> {
    assert!(text.ends_with("# EOF\n"), "{text}");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let values = lines.map(|line| {
        let (name, value) = line.rsplit_once(' ').unwrap();
        (name.to_owned(), value.parse().unwrap())
    });
    values.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_end_counts_are_those_of_the_report() {
    let running = pipeline! {
        [0u64..2_000, sink::each(drop)]
        filter(|n| n % 3 > 0),
        :async 8 map(async |n| if n % 50 == 1 { Err("no") } else { Ok(n) })? with { name: "fetch" },
        batch(7),
        :drive sink::discard(),
    }
    .spawn();
    let page = Page::new().watch("a \"b\"\n\\c", &running).token(TOKEN);
    let collector = Page::new().watch("mine", &running).collector();
    let served = page.serve("127.0.0.1:0").await.unwrap();
    let report = running.await.unwrap();
    let answer = get(&served, "/metrics");
    assert!(
        answer
            .head
            .contains("content-type: application/openmetrics-text; version=1.0.0")
    );
    let told = values(&answer.body);
    let mut own = String::new();
    let mut registry = Registry::default();
    registry.register_collector(Box::new(collector));
    text::encode(&mut own, &registry).unwrap();
    let own = values(&own);
    for row in &report.rows {
        for (name, count) in [
            ("in", row.entered),
            ("done", row.done),
            ("filtered", row.filtered),
            ("failed", row.failed),
            ("emitted", row.emitted),
            ("retried", row.retries),
            ("skipped", row.skipped),
        ] {
            for (all, pipeline) in [(&told, r#"a \"b\"\n\\c"#), (&own, "mine")] {
                let name = format!(
                    "brigade_stage_{name}_items_total{{pipeline=\"{pipeline}\",stage=\"{}\"}}",
                    row.path
                );
                assert_eq!(all.get(&name), Some(&(count as f64)), "{name}");
            }
        }
    }
    assert!(own["brigade_pipeline_up{pipeline=\"mine\"}"] < 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn counters_never_fall_though_a_process_is_made_again() {
    let restart = Restart::on_failure()
        .min_delay(Duration::from_millis(1))
        .max_delay(Duration::from_millis(5))
        .unlimited();
    let running = Service::new("shop", ())
        .process("sell", move |p| {
            p.restart(restart.clone()).pipeline(|cx| {
                let run = cx.run();
                pipeline! {
                    [0u64..100]
                    use run;
                    :async 2 tap(async |n: &u64| if *n == 50 && run < 20 { Err("again") } else { Ok(()) })?,
                    :drive sink::discard(),
                }
            })
        })
        .start()
        .await
        .unwrap();
    let served = Page::new()
        .service(&running)
        .token(TOKEN)
        .serve("127.0.0.1:0")
        .await
        .unwrap();
    let mut before: HashMap<String, f64> = HashMap::new();
    loop {
        let has_ended = running.status().state("sell").is_some_and(State::has_ended);
        let now = values(&get(&served, "/metrics").body);
        let counters = before.iter().filter(|(name, _)| name.contains("_total"));
        let fell: Vec<_> = counters
            .filter(|(name, value)| now[*name] < **value)
            .map(|(name, value)| (name, value, now[name]))
            .collect();
        assert!(fell.is_empty(), "{fell:#?}");
        before = now;
        if has_ended {
            break;
        }
    }
    let restarts = before["brigade_process_restarts_total{pipeline=\"shop/sell\"}"];
    assert!(restarts > 1.0, "{restarts}");
    let done = before["brigade_stage_in_items_total{pipeline=\"shop/sell\",stage=\"source\"}"];
    assert!(done > 100.0, "of all runs: {done}");
}
