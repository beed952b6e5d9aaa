//! What is done through a page.

use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use brigade::prelude::*;
use brigade::service::{Service, State};

use super::client::{TOKEN, comes, get, post, until};
use crate::{Page, Served};

async fn serve(page: Page) -> Served {
    page.token(TOKEN).serve("127.0.0.1:0").await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn pause_and_resume_lose_nothing_repeat_nothing_and_keep_the_order() {
    let out = sink::collect();
    let running = pipeline! {
        [0u64..3_000]
        :async 4 tap(async |_: &u64| tokio::time::sleep(Duration::from_micros(100)).await),
        :drive out.clone(),
    }
    .spawn();
    let served = serve(Page::new().watch("posts", &running)).await;
    for _ in 0..5 {
        assert_eq!(post(&served, "/api/pipelines/posts/pause", "").status, 204);
        assert!(running.handle().is_paused() || running.handle().has_ended());
        let state = get(&served, "/api/state").json();
        assert!(["paused", "ended"].contains(&state["pipelines"][0]["state"].as_str().unwrap()));
        assert_eq!(post(&served, "/api/pipelines/posts/resume", "").status, 204);
    }
    let report = running.await.unwrap();
    assert!(report.conserved());
    assert_eq!(out.take(), (0..3_000).collect::<Vec<_>>());
    assert_eq!(post(&served, "/api/pipelines/posts/pause", "").status, 409);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_paused_can_be_drained_and_aborted() {
    let endless = || {
        pipeline! { [0u64..] :async 2 tap(async |_: &u64| tokio::task::yield_now().await), :drive sink::discard(), }.spawn()
    };
    let (one, other) = (endless(), endless());
    let served = serve(Page::new().watch("one", &one).watch("other", &other)).await;
    for name in ["one", "other"] {
        assert_eq!(
            post(&served, &format!("/api/pipelines/{name}/pause"), "").status,
            204
        );
    }
    assert_eq!(
        post(
            &served,
            "/api/pipelines/one/drain",
            r#"{"deadline_ms": 10000}"#
        )
        .status,
        202
    );
    assert!(one.await.unwrap().conserved());
    assert_eq!(post(&served, "/api/pipelines/other/abort", "").status, 204);
    let failure = other.await.unwrap_err();
    assert!(matches!(failure.cause(), Cause::Stopped(_)), "{failure}");
    let state = get(&served, "/api/state").json();
    let notes = state["notes"].as_array().unwrap();
    let notes: Vec<_> = notes
        .iter()
        .map(|note| {
            format!(
                "{}: {}",
                note["pipeline"].as_str().unwrap(),
                note["what"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(
        notes,
        [
            "one: pause",
            "other: pause",
            "one: drain within 10 s",
            "other: abort"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_that_is_stuck_is_aborted_at_its_deadline() {
    let running = pipeline! {
        [0u64..]
        :async 2 tap(async |_: &u64| std::future::pending().await),
        :drive sink::discard(),
    }
    .spawn();
    let served = serve(Page::new().watch("stuck", &running)).await;
    assert_eq!(
        post(
            &served,
            "/api/pipelines/stuck/drain",
            r#"{"deadline_ms": 50}"#
        )
        .status,
        202
    );
    assert!(running.await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_is_set_and_what_cannot_be_set_says_why() {
    let running = pipeline! {
        [0u64..]
        map(|n| n),
        :async 2 tap(async |_: &u64| tokio::task::yield_now().await) with { name: "a?b <c>" },
        batch(10),
        :drive sink::discard(),
    }
    .spawn();
    let served = serve(Page::new().watch("posts", &running)).await;
    let count = |pipeline: &str, stage: &str, body: &str| {
        post(
            &served,
            &format!("/api/pipelines/{pipeline}/stages/{stage}/count"),
            body,
        )
        .status
    };
    assert_eq!(count("posts", "a%3Fb%20%3Cc%3E", r#"{"n": 9}"#), 204);
    until(&served, |state| {
        state["pipelines"][0]["groups"]
            .as_array()
            .unwrap()
            .iter()
            .any(|group| group["workers"] == 9)
    })
    .await;
    for (status, pipeline, stage, body) in [
        (404, "nobody", "batch", r#"{"n": 9}"#),
        (404, "posts", "nothing", r#"{"n": 9}"#),
        (409, "posts", "batch", r#"{"n": 9}"#),
        (422, "posts", "batch", r#"{"n": 0}"#),
        (422, "posts", "batch", r#"{"n": 1000000}"#),
        (422, "posts", "batch", r#"{"n": -1}"#),
        (422, "posts", "batch", r#"{"n""#),
        (415, "posts", "batch", ""),
    ] {
        assert_eq!(count(pipeline, stage, body), status, "{stage} {body}");
    }
    running.handle().abort();
    let _ = running.await;
    assert_eq!(count("posts", "a%3Fb%20%3Cc%3E", r#"{"n": 9}"#), 409);
}

/// Something that threads wait for.
#[derive(Default)]
struct Gate(Mutex<bool>, Condvar);

impl Gate {
    fn pass(&self) {
        let mut open = self.0.lock().unwrap();
        while !*open {
            open = self.1.wait(open).unwrap();
        }
    }

    fn open(&self) {
        *self.0.lock().unwrap() = true;
        self.1.notify_all();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn controls_are_answered_though_all_threads_of_the_runtime_hang_in_calls() {
    let gate = Arc::new(Gate::default());
    let passes = Arc::clone(&gate);
    let running = pipeline! {
        [0u64.., sink::each_async(|_| std::future::pending::<()>())]
        use passes;
        map(|n| if n == 0 { Err("fills the errors end") } else { Ok(n) })?,
        2 tap(|_: &u64| passes.pass()),
        :drive sink::discard(),
    };
    let running = running.spawn();
    let served = serve(Page::new().watch("hangs", &running)).await;
    let asked = Instant::now();
    assert_eq!(post(&served, "/api/pipelines/hangs/pause", "").status, 204);
    assert_eq!(
        get(&served, "/api/state").json()["pipelines"][0]["state"],
        "paused"
    );
    assert_eq!(post(&served, "/api/pipelines/hangs/resume", "").status, 204);
    assert_eq!(post(&served, "/api/pipelines/hangs/abort", "").status, 204);
    // Of what hangs nothing has gone on meanwhile: they did not wait for it.
    assert!(!*gate.0.lock().unwrap());
    println!("answered in {:?}", asked.elapsed());
    gate.open();
    assert!(running.await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_of_a_service_are_paused_drained_started_and_made_again() {
    let running = Service::new("shop", ())
        .process("sell", |p| {
            p.pipeline(|_| {
                pipeline! {
                    [0u64..]
                    :async 2 tap(async |_: &u64| tokio::task::yield_now().await) with { name: "wait" },
                    :drive sink::discard(),
                }
            })
        })
        .start()
        .await
        .unwrap();
    let served = serve(Page::new().service(&running)).await;
    let does = |what: &str, body: &str| {
        post(&served, &format!("/api/pipelines/shop%2Fsell/{what}"), body).status
    };
    let state = || running.status().state("sell").cloned().unwrap();
    assert_eq!(does("pause", ""), 204);
    assert_eq!(state(), State::Paused);
    assert_eq!(does("resume", ""), 204);
    assert_eq!(state(), State::Running);
    assert_eq!(does("stages/wait/count", r#"{"n": 5}"#), 204);
    assert_eq!(does("abort", ""), 409);
    // They may take longer than an answer does.
    assert!([202, 204].contains(&does("restart", "")));
    comes(|| running.status().process("sell").unwrap().runs == 2 && state() == State::Running)
        .await;
    assert!([202, 204].contains(&does("drain", r#"{"deadline_ms": 5000}"#)));
    comes(|| state() == State::Stopped).await;
    assert_eq!(does("start", ""), 204);
    comes(|| state() == State::Running).await;
    assert_eq!(
        post(&served, "/api/pipelines/shop%2Fnobody/pause", "").status,
        404
    );
    running.stop().await.unwrap();
    assert_eq!(does("start", ""), 409);
}
