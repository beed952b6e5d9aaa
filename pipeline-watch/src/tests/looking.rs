//! What a page tells.

use std::sync::Arc;
use std::time::Duration;

use brigade::prelude::*;
use brigade::queue::Outgoing;
use brigade::service::Service;
use tokio::sync::Semaphore;

use super::client::{TOKEN, get, until};
use crate::state::Looks;
use crate::watched::Watched;
use crate::{Page, Served};

async fn serve(page: Page) -> Served {
    page.token(TOKEN).serve("127.0.0.1:0").await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_has_ended_is_told_as_its_report_has_it() {
    let (items, input) = tokio::sync::mpsc::channel(1_000);
    let running = pipeline! {
        [input, sink::each(drop)]
        filter(|n| n % 2 == 0),
        :async 4 map(async |n| if n % 100 == 0 { Err(format!("no {n}")) } else { Ok(n) })? with { name: "fetch" },
        :drive sink::discard(),
    };
    let running = running.spawn();
    let served = serve(Page::new().watch("posts", &running)).await;
    let handle = running.handle();
    // Not before it is there: what fails earlier is not noted.
    for n in 0u64..1_000 {
        items.send(n).await.unwrap();
    }
    drop(items);
    let report = running.await.unwrap();
    let state = until(&served, |state| state["pipelines"][0]["state"] == "ended").await;
    let posts = &state["pipelines"][0];
    assert_eq!(posts["is_conserved"], true);
    let told: Vec<_> = posts["groups"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|group| group["stages"].as_array().unwrap())
        .collect();
    assert_eq!(told.len(), report.rows.len());
    for (told, row) in told.iter().zip(&report.rows) {
        assert_eq!(told["path"], *row.path);
        let counts = [
            told["entered"].as_u64(),
            told["done"].as_u64(),
            told["filtered"].as_u64(),
            told["failed"].as_u64(),
        ];
        assert_eq!(
            counts,
            [row.entered, row.done, row.filtered, row.failed].map(Some),
            "{}",
            row.path
        );
    }
    assert_eq!(posts["failures"]["seen"], 10);
    assert!(handle.has_ended());
}

#[tokio::test(flavor = "multi_thread")]
async fn branches_are_arrows_and_say_which_arm_they_lead_into() {
    let running = pipeline! {
        [0u64..90, sink::each(drop)]
        1 map(|n| n) with { name: "count" },
        tee { :drive sink::discard() },
        match |n| *n % 3 {
            0 => { 1 map(|n| n) with { name: "third" }, :drive sink::discard() },
            _ => { 1 map(|n| n) with { name: "other" }, :drive sink::discard() },
        },
    }
    .spawn();
    let served = serve(Page::new().watch("branches", &running)).await;
    running.await.unwrap();
    let state = until(&served, |state| state["pipelines"][0]["state"] == "ended").await;
    let branches = &state["pipelines"][0];
    let name = |place: &serde_json::Value| {
        let place = usize::try_from(place.as_u64().unwrap()).unwrap();
        branches["groups"][place]["name"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let arrows = branches["arrows"].as_array().unwrap();
    let arrows = arrows.iter().map(|arrow| {
        let label = arrow["label"].as_str().unwrap_or_default();
        format!(
            "{} {} {label} {}",
            name(&arrow["from"]),
            name(&arrow["to"]),
            arrow["handed"]
        )
    });
    let mut arrows: Vec<_> = arrows.collect();
    arrows.sort();
    assert_eq!(
        arrows,
        [
            "count match  90",
            "count sink tee 90",
            "match other _ 60",
            "match third 0 30",
            "other sink#3  60",
            "source count  90",
            "third sink#2  30",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_causes_are_told_as_they_are_whatever_is_in_them() {
    let hostile = "\"><img src=x onerror=alert(1)>\n\u{202e}data: {} \r\n\r\n</script> \u{0}";
    let (items, input) = tokio::sync::mpsc::channel(10);
    let running = pipeline! {
        [input, sink::each(drop)]
        map(|_: u8| Err::<u8, _>(hostile))? with { name: "<b>\"stage\" & 'all'<b>" },
        :drive sink::discard(),
    }
    .spawn();
    let page = Page::new()
        .watch(hostile, &running)
        .watch(hostile, &running);
    let served = serve(page).await;
    items.send(1).await.unwrap();
    let state = until(&served, |state| {
        state["pipelines"][0]["failures"]["seen"] == 1
    })
    .await;
    let [one, other] = [0, 1].map(|place| &state["pipelines"][place]);
    assert_eq!(
        (&one["name"], &other["name"]),
        (&hostile.into(), &format!("{hostile}#2").into())
    );
    assert_eq!(one["failures"]["kinds"][0]["cause"], hostile);
    assert_eq!(
        one["failures"]["kinds"][0]["stage"],
        "<b>\"stage\" & 'all'<b>"
    );
    assert!(
        one["failures"]["kinds"][0]["place"]
            .as_str()
            .unwrap()
            .contains("looking.rs:")
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sampled_but_while_somebody_looks_and_ten_seconds_after() {
    let gate = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&gate);
    let running = pipeline! {
        [[1u8]]
        use held;
        :async 1 tap(async |_: &u8| held.acquire().await.unwrap().forget()),
        :drive sink::discard(),
    }
    .spawn();
    let mut watched = Watched::default();
    watched.pipeline("one".to_owned(), running.handle());
    let looks = Looks::new(watched, true);
    assert!(!looks.is_sampling());
    let mut viewers: Vec<_> = (0..16).map(|_| looks.viewer(16).unwrap()).collect();
    assert!(looks.viewer(16).is_none());
    for _ in 0..130 {
        viewers[0].latest.changed().await.unwrap();
    }
    // A viewer that has not looked meanwhile sees the last, not all of them.
    let last = viewers[1].latest.borrow_and_update().clone();
    let last: serde_json::Value = serde_json::from_str(&last).unwrap();
    assert_eq!(
        last["pipelines"][0]["history"].as_array().unwrap().len(),
        120
    );
    assert!(!viewers[1].latest.has_changed().unwrap());
    viewers.clear();
    tokio::time::sleep(Duration::from_secs(8)).await;
    assert!(looks.is_sampling());
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(!looks.is_sampling());
    // What was before is not what is lately, when somebody looks again.
    let mut viewer = looks.viewer(16).unwrap();
    viewer.latest.changed().await.unwrap();
    let first: serde_json::Value =
        serde_json::from_str(&viewer.latest.borrow_and_update()).unwrap();
    assert_eq!(
        first["pipelines"][0]["history"].as_array().unwrap().len(),
        1
    );
    gate.add_permits(1);
    running.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_noted_while_a_page_is_there_and_no_longer() {
    let (items, input) = tokio::sync::mpsc::channel(10);
    let running = pipeline! {
        [input, sink::each(drop)]
        map(|n: u8| Err::<u8, _>(format!("no {n}")))? with { name: "fails" },
        :drive sink::discard(),
    }
    .spawn();
    let served = serve(Page::new().watch("one", &running)).await;
    items.send(1).await.unwrap();
    let seen = |state: &serde_json::Value| state["pipelines"][0]["failures"]["seen"] == 1;
    until(&served, seen).await;
    // Of the same failures: the page has been there before.
    assert_eq!(running.handle().failures().snapshot().seen, 1);
    served.stop().await;
    assert_eq!(running.handle().failures().snapshot().seen, 0);
    drop(items);
    let report = running.await.unwrap();
    assert_eq!(report.stage("fails").unwrap().failed, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn queues_and_letters_are_counted_and_one_that_does_not_answer_holds_up_nothing() {
    let orders = queue::memory::<u64>();
    orders
        .send((0..7).map(Outgoing::new).collect())
        .await
        .unwrap();
    let page = Page::new()
        .queue("orders", orders.clone())
        .letters("dead", || async { Ok::<_, std::io::Error>(3) })
        .letters("broken", || async { Err::<u64, _>("no such table") })
        .letters("stuck", std::future::pending::<Result<u64, std::io::Error>>);
    let served = serve(page).await;
    let state = get(&served, "/api/state").json();
    assert_eq!(state["queues"][0]["ready"], 7);
    let letters = &state["letters"];
    assert_eq!(
        (&letters[0]["count"], &letters[0]["error"]),
        (&3.into(), &().into())
    );
    assert_eq!(letters[1]["error"], "no such table");
    assert_eq!(letters[2]["error"], "no answer yet");
    let metrics = get(&served, "/metrics").body;
    assert!(
        metrics.contains("brigade_queue_messages{queue=\"orders\",state=\"ready\"} 7\n"),
        "{metrics}"
    );
    assert!(
        metrics.contains("brigade_letters{letters=\"dead\"} 3\n"),
        "{metrics}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_is_told_with_its_processes_and_probes_know_whether_it_is_ready() {
    let running = Service::new("shop", ())
        .process("sell", |p| {
            p.pipeline(|_| {
                pipeline! { [0u64..] :async 1 tap(async |_: &u64| tokio::task::yield_now().await), :drive sink::discard(), }
            })
        })
        .start()
        .await
        .unwrap();
    let served = serve(Page::new().service(&running)).await;
    let state = until(&served, |state| state["pipelines"][0]["state"] == "running").await;
    let sell = &state["services"][0]["processes"][0];
    assert_eq!(
        (&sell["name"], &sell["pipeline"], &sell["runs"]),
        (&"sell".into(), &"shop/sell".into(), &1.into())
    );
    assert_eq!(state["pipelines"][0]["name"], "shop/sell");
    assert_eq!(state["services"][0]["is_ready"], true);
    assert_eq!(
        (
            get(&served, "/healthz").status,
            get(&served, "/readyz").status
        ),
        (200, 200)
    );
    running.stops();
    let ready = get(&served, "/readyz");
    assert_eq!((ready.status, &*ready.body), (503, "shop is stopping\n"));
    running.stop().await.unwrap();
    // It has ended in good order: no reason to be killed.
    assert_eq!(get(&served, "/healthz").status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_of_inputs_and_of_side_lines_are_among_those_of_the_pipeline() {
    let (items, input) = tokio::sync::mpsc::channel(10);
    let inner = pipeline! {
        [input, sink::each(drop)]
        map(|n: u8| if n == 1 { Err("of the input") } else { Ok(n) })? with { name: "within" },
    };
    let running = pipeline! {
        [inner, sink::each(drop)]
        tee {
            map(|n| if n == 2 { Err("beside") } else { Ok(n) })? with { name: "aside" },
            :drive sink::discard(),
        } with { lossy: 10 },
        map(|n| if n == 3 { Err("of its own") } else { Ok(n) })? with { name: "own" },
        :drive sink::discard(),
    }
    .spawn();
    let served = serve(Page::new().watch("one", &running)).await;
    for n in 1..=4 {
        items.send(n).await.unwrap();
    }
    let failures = |state: &serde_json::Value| state["pipelines"][0]["failures"].clone();
    let state = until(&served, |state| failures(state)["seen"] == 3).await;
    let failures = failures(&state);
    let kinds = failures["kinds"].as_array().unwrap().iter();
    let kinds = kinds.map(|kind| {
        let [stage, cause] = ["stage", "cause"].map(|of| kind[of].as_str().unwrap());
        format!("{stage}: {cause}, {}", kind["is_aside"])
    });
    let mut kinds: Vec<_> = kinds.collect();
    kinds.sort();
    assert_eq!(
        kinds,
        [
            "aside: beside, true",
            "own: of its own, false",
            "pipeline/within: of the input, false",
        ]
    );
    drop(items);
    running.await.unwrap();
}
