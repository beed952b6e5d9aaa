//! Arms of plain stages: the match runs where it stands.

use brigade::prelude::*;

#[derive(Debug, Clone, PartialEq)]
enum Event {
    Order(u64),
    Click { x: u64, y: u64 },
    Text(String),
    Ping,
}

fn events(count: u64) -> Vec<Event> {
    let event = |n: u64| match n % 4 {
        0 => Event::Order(n),
        1 => Event::Click { x: n, y: 1 },
        2 => Event::Text(n.to_string()),
        _ => Event::Ping,
    };
    (0..count).map(event).collect()
}

/// What each of the events above comes to.
fn expected(count: u64) -> Vec<u64> {
    let value = |event: Event| match event {
        Event::Order(n) => Some(n * 10),
        Event::Click { x, y } => Some(x + y),
        Event::Text(text) => text.parse().ok().filter(|n| n % 3 != 0),
        Event::Ping => None,
    };
    events(count).into_iter().filter_map(value).collect()
}

#[tokio::test]
async fn a_plain_item_is_matched_by_value_and_each_arm_takes_what_it_binds() {
    let pipeline = pipeline! {
        [source::iter(events(100))]
        match |event| event {
            Event::Order(n) => map(|n| n * 10),
            Event::Click { x, y } => { map(|(x, y)| x + y) }
            Event::Text(text) => {
                map(|text: String| text.parse::<u64>())?,
                filter(|n| n % 3 != 0),
            },
            Event::Ping => skip,
        }
        map(|n| n),
    };
    let collecting = pipeline.collect::<Vec<u64>>();
    let handle = collecting.handle();
    assert_eq!(collecting.await.unwrap(), expected(100));
    let report = handle.report();
    assert!(report.conserved(), "{report}");
    let row = |name: &str| {
        let row = report.stage(name).unwrap();
        (row.entered, row.done, row.filtered, row.failed)
    };
    assert_eq!(row("match"), (100, 100, 0, 0));
    assert_eq!(row("map"), (25, 25, 0, 0));
    assert_eq!(row("map#2"), (25, 25, 0, 0));
    assert_eq!(row("map#3"), (25, 25, 0, 0));
    assert_eq!(row("filter"), (25, 17, 8, 0), "{report}");
    assert_eq!(row("match → Event::Ping"), (25, 0, 25, 0));
    assert_eq!(row("map#4"), (67, 67, 0, 0));
}

#[tokio::test]
async fn what_is_made_of_a_lent_item_leaves_the_item_to_the_arms() {
    let pipeline = pipeline! {
        [source::iter(["a", "bb", "ccc"])]
        match |word| word.len() {
            1 => map(str::to_uppercase),
            n if n > 2 => { map(|word| format!("{word}{word}")) }
            _ => map(str::to_owned)
        }
    };
    let words: Vec<String> = pipeline.collect().await.unwrap();
    assert_eq!(words, ["A", "bb", "cccccc"]);
}

#[derive(Debug, Clone)]
struct Message {
    id: u64,
    body: Event,
}

#[tokio::test]
async fn in_a_record_names_of_a_pattern_are_keys_of_their_arm() {
    let messages = events(8)
        .into_iter()
        .zip(0..)
        .map(|(body, id)| Message { id, body });
    let pipeline = pipeline! {
        [source::iter(messages.collect::<Vec<_>>())]
        push_task(message),
        let event = message.body.clone(),
        let limit = 4u64,
        match event {
            Event::Order(order) if order >= *limit => { let row = order + message.id },
            Event::Order(order) => { let row = *order }
            Event::Click { x, y } => { let sum = x + y, mapduce(sum => row, |sum| *sum) }
            other @ Event::Text(_) => { let row = format!("{other:?}").len() as u64 }
            Event::Ping => skip,
        },
        map(|m| (m.message.id, m.row, m.limit)),
    };
    let rows: Vec<_> = pipeline.collect().await.unwrap();
    let expected = [
        (0, 0, 4),
        (1, 2, 4),
        (2, 9, 4),
        (4, 8, 4),
        (5, 6, 4),
        (6, 9, 4),
    ];
    assert_eq!(rows, expected);
}

#[tokio::test]
async fn a_place_and_an_expression_leave_the_keys_where_they_are() {
    let pipeline = pipeline! {
        [source::iter(0..6u64)]
        push_task(n),
        let pair = (n % 2, n.to_string()),
        match pair.0 {
            0 => { let kind = "even" }
            _ => { let kind = "odd" }
        }
        match pair.1.parse::<u64>()? {
            small @ 0..3 => { let size = *small }
            _ => { let size = 100 }
        }
        map(|m| (m.n, m.kind, m.pair.1, m.size)),
    };
    let rows: Vec<_> = pipeline.collect().await.unwrap();
    assert_eq!(rows[1], (1, "odd", "1".to_owned(), 1));
    assert_eq!(rows[4], (4, "even", "4".to_owned(), 100));
}

#[tokio::test]
async fn a_match_runs_in_a_group_of_any_kind() {
    for _ in 0..2 {
        let pipeline = pipeline! {
            [source::iter(0..200u64)]
            :block 2 map(|n| n),
            match |n| n { 0..50 => skip, n => map(|n| n + 1) },
            :async 4 map(async |n| n),
            match |n| n { 51..100 => skip, n => {} },
            flat_map(|n| [n, n]),
            match |n| n { 0..150 => filter(|n| n % 2 == 0), n => {} },
            batch(10),
            match |batch| batch.len() { 10 => {}, _ => map(|batch: Vec<u64>| batch) },
        };
        let running = pipeline.collect::<Vec<Vec<u64>>>();
        let handle = running.handle();
        let all: Vec<u64> = running.await.unwrap().concat();
        let report = handle.report();
        let expected: Vec<u64> = (100..=200)
            .flat_map(|n| [n, n])
            .filter(|n| *n >= 150 || n % 2 == 0)
            .collect();
        assert_eq!(all, expected, "{report}");
        assert!(report.conserved(), "{report}");
    }
}

#[tokio::test]
async fn what_panics_or_fails_in_a_guard_or_in_what_is_matched_fails_its_item() {
    let (failures, mut failed) = tokio::sync::mpsc::channel(100);
    let pipeline = pipeline! {
        [source::iter(0..10u32), failures]
        push_task(n),
        match { assert!(*n != 1, "matched"); n.checked_sub(1).ok_or("zero")? } {
            2 if { assert!(*n != 3, "guarded"); true } => skip,
            _ => {}
        },
        map(|m| m.n),
    };
    let out: Vec<_> = pipeline.collect().await.unwrap();
    assert_eq!(out, [2, 4, 5, 6, 7, 8, 9]);
    let mut told = Vec::new();
    while let Ok(failure) = failed.try_recv() {
        told.push((failure.task().copied(), failure.cause().to_string()));
    }
    assert_eq!(told.len(), 3);
    assert_eq!(told[0], (Some(0), "zero".to_owned()));
    assert!(
        told[1].0 == Some(1) && told[1].1.contains("matched"),
        "{told:?}"
    );
    assert!(
        told[2].0 == Some(3) && told[2].1.contains("guarded"),
        "{told:?}"
    );
}

#[tokio::test]
async fn a_match_in_an_arm_of_a_match_counts_for_itself() {
    let pipeline = pipeline! {
        [source::iter(0..60u64)]
        match |n| n % 3 {
            0 => {
                match |n| n % 2 { 0 => map(|n| n + 1000), _ => skip },
                map(|n| n + 1),
            }
            1 => filter(|n| *n > 30),
            _ => {}
        },
        map(|n| n),
    };
    let running = pipeline.collect::<Vec<u64>>();
    let handle = running.handle();
    let all = running.await.unwrap();
    let report = handle.report();
    assert!(report.conserved(), "{report}");
    assert_eq!(all.len(), 40, "{report}");
    assert_eq!(report.stage("match#2").unwrap().entered, 20);
    assert_eq!(report.stage("map#2").unwrap().entered, 10);
    assert_eq!(report.stage("map#3").unwrap().entered, 40);
}

#[tokio::test]
async fn a_match_behind_a_stage_with_a_key_counts_too() {
    let pipeline = pipeline! {
        [source::iter(0..100u64)]
        :block 2 map(|n| n) with { by: |n| n % 7 },
        match |n| n % 2 { 0 => skip, _ => {} },
        dedup(|n| *n) with { most: 1000, within: std::time::Duration::from_secs(60) },
        match |n| n % 3 { 0 => map(|n| n + 1), _ => skip },
    };
    let running = pipeline.collect::<Vec<u64>>();
    let handle = running.handle();
    let all = running.await.unwrap();
    let report = handle.report();
    assert_eq!(all.len(), 17, "{report}");
    assert!(report.conserved(), "{report}");
    assert_eq!(report.stage("match → 0").unwrap().entered, 50, "{report}");
    assert_eq!(report.stage("map#2").unwrap().entered, 17, "{report}");
}
