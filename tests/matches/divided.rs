//! Arms with workers of their own: the match divides the items, and what comes back is brought together.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use brigade::prelude::*;

fn sorted(mut items: Vec<u64>) -> Vec<u64> {
    items.sort_unstable();
    items
}

#[tokio::test]
async fn each_item_goes_into_one_arm_and_comes_back_once() {
    let pipeline = pipeline! {
        [source::iter(0..1000u64)]
        map(|n| n),
        match |n| n % 5 {
            0 => { :async 4 map(async |n| { tokio::task::yield_now().await; n }) }
            1 => { :block 2 map(|n| n), filter(|n| n % 2 == 0) }
            2 => { flat_map(|n| [n, n + 10_000]) }
            3 => skip,
            _ => filter(|n| n % 3 != 0),
        } with { unordered },
        map(|n| n),
    };
    let running = pipeline.collect::<Vec<u64>>();
    let handle = running.handle();
    let all = sorted(running.await.unwrap());
    let expected = (0..1000u64).flat_map(|n| match n % 5 {
        0 => vec![n],
        1 => (n % 2 == 0).then_some(n).into_iter().collect(),
        2 => vec![n, n + 10_000],
        3 => vec![],
        _ => (n % 3 != 0).then_some(n).into_iter().collect(),
    });
    assert_eq!(all, sorted(expected.collect()));
    let report = handle.report();
    assert!(report.conserved(), "{report}");
    let entered = |name: &str| report.stage(name).unwrap().entered;
    for name in ["map#2", "map#3", "flat_map", "match → 3", "filter"] {
        assert_eq!(entered(name), 200, "{name}\n{report}");
    }
    assert_eq!(entered("filter#2"), 200, "{report}");
    assert_eq!(
        report.rows.last().unwrap().entered,
        all.len() as u64,
        "{report}"
    );
}

#[tokio::test]
async fn arms_that_end_write_into_sinks_of_their_own() {
    let (even, odd, rest) = (
        Arc::<Mutex<Vec<u64>>>::default(),
        Arc::default(),
        Arc::default(),
    );
    let sink = |into: &Arc<Mutex<Vec<u64>>>| {
        let into = Arc::clone(into);
        sink::each(move |n: u64| into.lock().unwrap().push(n))
    };
    let pipeline = pipeline! {
        [source::iter(0..100u64)]
        match |n| n {
            0..50 => {
                match |n| n % 2 {
                    0 => :drive sink(&even),
                    _ => { map(|n| n + 1000), :drive sink(&odd) }
                }
            }
            n => { batch(7), map(|batch: Vec<u64>| batch.len() as u64), :drive sink(&rest) }
        }
    };
    let report = pipeline.run().await.unwrap();
    assert!(report.conserved(), "{report}");
    assert_eq!(
        *even.lock().unwrap(),
        (0..50).step_by(2).collect::<Vec<_>>()
    );
    assert_eq!(
        *odd.lock().unwrap(),
        (1001..1050).step_by(2).collect::<Vec<_>>()
    );
    assert_eq!(rest.lock().unwrap().iter().sum::<u64>(), 50);
}

#[tokio::test]
async fn a_record_keeps_what_all_arms_write() {
    let pipeline = pipeline! {
        [source::iter(0..60u64)]
        push_task(n),
        let kind = n % 3,
        let spare = String::from("spare"),
        match kind {
            0 => { :async 4 let row = { tokio::task::yield_now().await; n * 2 }, let extra = 1u8 }
            1 => { let other = n + 1, :block let row = *other, forget(spare) }
            k => {
                match *n % 2 {
                    0 => { :block let row = *k },
                    _ => { let row = 7u64 }
                }
            }
        } with { unordered },
        map(|m| (m.n, m.row)),
    };
    let mut rows: Vec<(u64, u64)> = pipeline.collect().await.unwrap();
    rows.sort_unstable();
    let expected = (0..60u64).map(|n| {
        (
            n,
            match n % 3 {
                0 => n * 2,
                1 => n + 1,
                k if n % 2 == 0 => k,
                _ => 7,
            },
        )
    });
    assert_eq!(rows, expected.collect::<Vec<_>>());
}

#[tokio::test]
async fn a_plan_and_its_charts_show_the_arms() {
    let pipeline = pipeline! {
        [source::iter(0..10u64)]
        match |n| n {
            0 => { :block 2 map(|n| n) with { name: "zero", buffer: 3 } }
            n if n % 2 == 0 => map(|n| n),
            _ => { batch(2), map(|b: Vec<u64>| b[0]) with { name: "rest" } }
        } with { unordered },
        :block map(|n| n) with { name: "behind", buffer: 5 },
    };
    let plan = pipeline.plan();
    let chart = plan.to_mermaid();
    for arrow in [
        r#"s1 -->|"0, ≤"#,
        r#"s1 -->|"_, ≤"#,
        r#"s1 -->|"n if n % 2 == 0, ≤"#,
        "s2 -->",
        "s3 -->",
    ] {
        assert!(chart.contains(arrow), "no {arrow} in\n{chart}\n{plan}");
    }
    assert!(plan.to_dot().contains("s1 -> s4"), "{}", plan.to_dot());
}

#[tokio::test]
async fn a_stop_releases_what_waits_in_lanes() {
    struct Alive(#[expect(dead_code, reason = "it is counted")] Arc<()>);
    let alive = Arc::new(());
    let items: Vec<_> = (0..1000u64)
        .map(|n| (n, Alive(Arc::clone(&alive))))
        .collect();
    let pipeline = pipeline! {
        [source::iter(items)]
        match |pair| pair.0 % 2 {
            0 => :drive sink::each_async(async |item: (u64, Alive)| { let kept = item; std::future::pending::<()>().await; drop(kept) }),
            _ => :drive sink::each(drop::<(u64, Alive)>),
        }
    };
    let running = pipeline.spawn();
    tokio::time::sleep(Duration::from_millis(20)).await;
    running.abort().await;
    assert_eq!(Arc::strong_count(&alive), 1);
}
