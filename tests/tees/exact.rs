//! Side lines that have a part in each item: where they stand, what they get, and how the main line waits for them.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use brigade::prelude::*;
use tokio::sync::Semaphore;

const PATIENCE: Duration = Duration::from_secs(30);

fn sorted(mut items: Vec<u64>) -> Vec<u64> {
    items.sort_unstable();
    items
}

#[tokio::test]
async fn each_item_goes_on_and_what_is_made_of_it_goes_into_the_side_line() {
    let (side, collected) = (sink::collect(), sink::collect());
    let pipeline = pipeline! {
        [source::iter(0..1000u64)]
        filter(|n| n % 4 > 0),
        tee |n| n * 10 { filter(|n| n % 20 > 0), batch(7), :drive side.clone() }
        :async 4 map(async |n| { tokio::task::yield_now().await; n }),
        :drive collected.clone(),
    };
    let report = pipeline.run().await.unwrap();
    let kept = || (0..1000u64).filter(|n| n % 4 > 0);
    assert_eq!(collected.take(), kept().collect::<Vec<_>>());
    let batches: Vec<Vec<u64>> = side.take();
    let odd = kept().filter(|n| n % 2 > 0).map(|n| n * 10);
    assert_eq!(batches.concat(), odd.collect::<Vec<_>>());
    assert!(report.conserved(), "{report}");
    let row = |name: &str| report.stage(name).unwrap();
    assert_eq!((row("tee").entered, row("tee").emitted), (750, 750));
    assert_eq!((row("filter#2").entered, row("map").entered), (750, 750));
    assert_eq!(row("filter#2").inputs[0].from, row("tee").id);
}

#[tokio::test]
async fn tees_follow_each_other_at_the_head_at_the_end_and_in_side_lines() {
    let (one, two, three) = (sink::collect(), sink::collect(), sink::collect());
    let out: Vec<u64> = pipeline! {
        [source::iter(0..100u64)]
        tee |n| n + 1 { tee |n| n + 1 { :drive two.clone() }, :drive one.clone() }
        tee { flat_map(|n: u64| [n, n]), :drive three.clone() },
    }
    .collect()
    .await
    .unwrap();
    assert_eq!(out, (0..100).collect::<Vec<_>>());
    assert_eq!(one.take(), (1..101).collect::<Vec<u64>>());
    assert_eq!(two.take(), (2..102).collect::<Vec<u64>>());
    assert_eq!(three.take(), (0..200).map(|n| n / 2).collect::<Vec<u64>>());
}

#[tokio::test]
async fn a_record_is_seen_as_a_whole_or_by_its_keys_or_cloned_without_its_task() {
    /// What is no clone of itself.
    struct Post(u64);
    let (whole, keys, copies) = (sink::collect(), sink::collect(), sink::collect());
    let out: Vec<u64> = pipeline! {
        [source::iter((0..10).map(Post))]
        push_task(post),
        let half = post.0 / 2,
        tee |m| m.post.0 + m.half { :drive whole.clone() },
        tee (post.0, *half) { :drive keys.clone() },
        let twice = post.0 * 2,
        tee { map(|copy| copy.half + copy.twice), :drive copies.clone() },
        map(|m| m.twice),
    }
    .collect()
    .await
    .unwrap();
    assert_eq!(out, (0..10).map(|n| n * 2).collect::<Vec<u64>>());
    assert_eq!(
        whole.take(),
        (0..10).map(|n| n + n / 2).collect::<Vec<u64>>()
    );
    assert_eq!(keys.take(), (0..10).map(|n| (n, n / 2)).collect::<Vec<_>>());
    assert_eq!(
        copies.take(),
        (0..10).map(|n| n * 2 + n / 2).collect::<Vec<u64>>()
    );
}

#[tokio::test]
async fn a_side_line_divides_and_arms_have_side_lines_in_order() {
    let sinks: [_; 4] = std::array::from_fn(|_| sink::collect::<u64>());
    let sink = |n: usize| sinks[n].clone();
    let out: Vec<u64> = pipeline! {
        [source::iter(0..300u64)]
        tee |n| *n {
            match |n| n % 2 { 0 => :drive sink(0), _ => { 2 map(|n| n), :drive sink(1) } }
        },
        match |n| n % 3 {
            0 => { tee |n| *n { :block 2 map(|n| n), :drive sink(2) } }
            1 => { :async 4 map(async |n| { tokio::task::yield_now().await; n }),
                   tee |n| *n { :drive sink(3) }, filter(|n| n % 5 > 0) }
            _ => skip,
        },
    }
    .collect()
    .await
    .unwrap();
    let comes = |n: &u64| match n % 3 {
        0 => true,
        1 => !n.is_multiple_of(5),
        _ => false,
    };
    assert_eq!(out, (0..300).filter(comes).collect::<Vec<_>>());
    let all = sinks.map(|sink| sorted(sink.take()));
    let expected = |is: fn(&u64) -> bool| (0..300).filter(is).collect::<Vec<_>>();
    assert_eq!(all[0], expected(|n| n % 2 == 0));
    assert_eq!(all[1], expected(|n| n % 2 == 1));
    assert_eq!(all[2], expected(|n| n % 3 == 0));
    assert_eq!(all[3], expected(|n| n % 3 == 1));
}

#[tokio::test]
async fn records_of_arms_that_end_in_a_tee_come_back_with_the_keys_of_all() {
    let (first, second) = (sink::collect(), sink::collect());
    let out: Vec<u64> = pipeline! {
        [source::iter(0..20u64)]
        push_task(n),
        let half = *n / 2,
        match *n % 2 {
            0 => { let row = *n, let gone = 1, tee row + gone + half { :drive first.clone() } }
            _ => { :block let row = *n + 100, tee |m| m.row { :drive second.clone() } }
        },
        map(|m| m.row + m.half),
    }
    .collect()
    .await
    .unwrap();
    let row = |n: u64| if n.is_multiple_of(2) { n } else { n + 100 };
    assert_eq!(out, (0..20).map(|n| row(n) + n / 2).collect::<Vec<_>>());
    let even = (0..20).step_by(2).map(|n| n + 1 + n / 2);
    assert_eq!(first.take(), even.collect::<Vec<u64>>());
    assert_eq!(second.take(), (101..120).step_by(2).collect::<Vec<u64>>());
}

#[tokio::test]
async fn the_main_line_waits_for_the_side_line_and_the_bound_is_what_the_plan_says() {
    let (gate, made) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
    let (waits, counts) = (Arc::clone(&gate), Arc::clone(&made));
    let pipeline = pipeline! {
        [source::iter((0..500u64).inspect(move |_| { counts.fetch_add(1, SeqCst); }))]
        use waits;
        2 map(|n| n) with { window: 4 },
        tee { :async 1 map(async |n: u64| { waits.acquire().await.unwrap().forget(); n }) with { buffer: 3, window: 1 },
              :drive sink::discard() with { buffer: 2 } },
        :drive sink::discard() with { buffer: 5 },
    };
    let plan = pipeline.plan();
    let most: Vec<_> = plan.rows.iter().map(|row| row.max_items).collect();
    // The group in front: its window, and what the line that may wait longer lets wait.
    assert_eq!(most[1], 4 + 5, "{plan}");
    let running = pipeline.spawn();
    let stands = |at: usize| {
        let made = Arc::clone(&made);
        async move {
            while made.load(SeqCst) < at {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    };
    tokio::time::timeout(PATIENCE, stands(9)).await.unwrap();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    // The side line holds one, which has left the group in front.
    let held = made.load(SeqCst);
    assert!(held <= plan.max_items, "{held} of {}", plan.max_items);
    let report = running.report();
    let main = report
        .stage("sink#2")
        .or(report.stage("sink"))
        .unwrap()
        .done;
    assert!(main <= 10, "{report}");
    gate.add_permits(500);
    let report = tokio::time::timeout(PATIENCE, running)
        .await
        .unwrap()
        .unwrap();
    assert!(report.conserved(), "{report}");
    assert_eq!(report.stage("map#2").unwrap().entered, 500);
}

#[tokio::test]
async fn an_expression_that_fails_or_panics_fails_its_item_in_both_lines() {
    let (side, main, failures) = (
        sink::collect(),
        sink::collect(),
        Arc::<Mutex<Vec<_>>>::default(),
    );
    let failing = Arc::clone(&failures);
    let report = pipeline! {
        [source::iter(0..30u64), sink::each(move |failure: Failure<u64>| {
            failing.lock().unwrap().push((failure.task().copied(), failure.to_string()));
        })]
        push_task(n),
        tee match *n {
            7 => Err("an odd one")?,
            9 => panic!("nine"),
            other => other,
        } { :drive side.clone() },
        map(|m| m.n),
        :drive main.clone(),
    }
    .run()
    .await
    .unwrap();
    let rest: Vec<u64> = (0..30).filter(|n| ![7, 9].contains(n)).collect();
    assert_eq!((side.take(), main.take()), (rest.clone(), rest));
    let failures = failures.lock().unwrap().clone();
    assert_eq!(failures[0], (Some(7), "tee: an odd one".to_owned()));
    assert_eq!(failures[1].0, Some(9));
    assert!(failures[1].1.contains("nine"), "{failures:?}");
    assert_eq!(report.stage("tee").unwrap().failed, 2);
}

#[tokio::test]
async fn a_failure_in_the_side_line_says_what_its_task_had_passed() {
    let failures = sink::collect();
    let report = pipeline! {
        [source::iter(0..4u64), failures.clone()]
        push_task(n),
        let half = *n / 2,
        tee *half { :block map(|half| if half == 1 { Err("one") } else { Ok(half) })?, :drive sink::discard() },
        map(|m| m.n),
        :drive sink::discard(),
    }
    .run()
    .await
    .unwrap();
    let failures: Vec<Failure<u64>> = failures.take();
    assert_eq!(failures.len(), 2);
    assert_eq!(
        failures[0].stack().to_string(),
        "n → half → FAILED at map (one)"
    );
    assert!(
        failures[0].task().is_none(),
        "the task goes on in the main line"
    );
    assert_eq!(report.stage("map").unwrap().failed, 2, "{report}");
}

#[tokio::test]
async fn without_an_errors_end_a_failure_in_the_side_line_stops_all() {
    let pipeline = pipeline! {
        [source::iter(0..u64::MAX)]
        tee { map(|n: u64| if n == 5 { Err("five") } else { Ok(n) })?, :drive sink::discard() },
        :drive sink::discard(),
    };
    let ended = tokio::time::timeout(PATIENCE, pipeline.run())
        .await
        .unwrap();
    assert_eq!(ended.unwrap_err().to_string(), "map: five");
}

#[tokio::test]
async fn a_drain_ends_both_lines_with_what_was_taken() {
    let (side, main) = (sink::collect(), sink::collect());
    let running = pipeline! {
        [source::iter(0..u64::MAX)]
        1 map(|n| n) with { buffer: 8 },
        tee { :async 3 tap(async |_: &u64| tokio::task::yield_now().await), :drive side.clone() },
        :drive main.clone(),
    }
    .spawn();
    while running.report().stage("tap").unwrap().done < 20 {
        tokio::task::yield_now().await;
    }
    let report = running.drain(PATIENCE).await.unwrap();
    assert!(report.conserved(), "{report}");
    let (side, main) = (side.take(), main.take());
    assert_eq!(side, main);
    assert_eq!(
        report.stage("tap").unwrap().entered,
        report.stage("tee").unwrap().emitted
    );
}

#[test]
fn charts_show_the_side_line() {
    let pipeline = pipeline! {
        [source::iter(0..1u64)]
        2 map(|n| n) with { window: 4 },
        tee { :drive sink::discard() with { name: "audit", buffer: 2 } },
        :drive sink::discard() with { name: "table", buffer: 1 },
    };
    let plan = pipeline.plan();
    let chart = plan.to_mermaid();
    let arrows: Vec<_> = chart.lines().filter(|line| line.contains("-->")).collect();
    assert_eq!(
        arrows,
        [
            "    s0 -->|\"≤ 0\"| s1",
            "    s1 -->|\"tee, ≤ 6\"| s2",
            "    s1 -->|\"≤ 6\"| s3",
        ],
        "{chart}"
    );
    assert!(plan.to_dot().contains("s1 -> s2 [label=\"tee, ≤ 6\"]"));
    assert!(chart.contains("s1[\"map, tee<br/>"), "{chart}");
}
