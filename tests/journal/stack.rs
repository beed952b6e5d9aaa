//! What a failure says about the way of its task.

use std::sync::Arc;
use std::time::Duration;

use brigade::journal;
use brigade::prelude::*;
use tokio::sync::{Semaphore, mpsc};

use crate::heard::Heard;

#[tokio::test(start_paused = true)]
async fn a_failure_tells_the_frames_that_its_task_had_passed() {
    let failure = pipeline! {
        [[1u32]]
        push_task(original),
        let post = original + 1,
        mapduce(post => clean, |post| post + 1),
        :async let located = std::future::pending::<u32>().await
            with { name: "locate", timeout: Duration::from_secs(5), retry: Retry::exponential(3) },
        map(|m| m.located + m.clean),
    }
    .collect::<Vec<u32>>()
    .await
    .unwrap_err();
    let stack = "original → post → clean → FAILED at locate (timeout after 5s, attempt 3)";
    assert_eq!(failure.stack().to_string(), stack);
    assert_eq!(format!("{failure:#}"), stack);
}

#[tokio::test]
async fn what_fails_is_logged_with_its_stack() {
    let (heard, listening) = Heard::here();
    pipeline! {
        [[1u32], sink::each(|_failure| ())]
        push_task(original),
        let post = original + 1,
        let clean = if *post == 2 { Err("no") } else { Ok(*post) }?,
        map(|m| m.clean),
        :drive sink::each(|_| ()),
    }
    .run()
    .await
    .unwrap();
    drop(listening);
    let failed = heard.lines("item failed");
    assert_eq!(failed.len(), 1);
    let failed = &failed[0];
    assert!(failed.starts_with("DEBUG"), "{failed}");
    assert!(
        failed.contains("original → post → FAILED at clean (no)"),
        "{failed}"
    );
}

#[tokio::test]
async fn a_failure_outside_a_task_has_passed_no_frame_and_stays_on_one_line() {
    let failure = pipeline! {
        [["1\n2"]]
        map(|text| Err::<(), _>(text.to_owned()))?,
    }
    .collect::<Vec<()>>()
    .await
    .unwrap_err();
    assert_eq!(failure.stack().to_string(), "FAILED at map (1\\n2)");
}

#[tokio::test(start_paused = true)]
async fn a_running_task_tells_the_frames_that_it_has_passed_and_where_it_is() {
    let (gate, written) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (opened, passed) = (Arc::clone(&gate), Arc::clone(&written));
    let running = pipeline! {
        [["a", "b"]]
        journal = journal::memory();
        use opened;
        push_task(original, id = |text| text),
        let post = original.len() with { once },
        :async let sent = opened.acquire().await.unwrap().forget() with { name: "send" },
        map(|m| (m.original, m.post, m.sent)),
        :drive sink::each_async(move |_| {
            let passed = Arc::clone(&passed);
            async move { passed.acquire().await.unwrap().forget() }
        }),
    }
    .spawn();
    let handle = running.handle();
    let stacks = || {
        let tasks = handle.tasks();
        let told = tasks.iter().map(|task| format!("{}: {task}", task.id));
        told.collect::<Vec<_>>()
    };

    // Virtual time passes only when everything waits.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let at = |task: usize| handle.tasks()[task].stage.id;
    let report = handle.report();
    let id = |stage| report.stage(stage).unwrap().id;
    assert_eq!([at(0), at(1)], [id("send"), id("post (journal)")]);
    assert_eq!(
        stacks(),
        [
            "a: original → post → at send (for 2.5s)",
            "b: original → post → at post (journal) (for 2.5s)"
        ]
    );
    gate.add_permits(2);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(
        stacks(),
        ["a", "b"].map(|id| format!("{id}: original → post → sent → at map or behind it (for 3s)"))
    );
    written.add_permits(2);
    let report = running.await.unwrap();
    assert_eq!(report.stage("sink").unwrap().done, 2);
    assert_eq!(stacks(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn running_tasks_are_told_the_oldest_first() {
    let (tasks, input) = mpsc::channel(3);
    let running = pipeline! {
        [input]
        journal = journal::memory();
        push_task(number, id = |number: &u32| *number),
        let twice = number * 2 with { once },
        :async 3 tap(async |m| match m.number {
            1 => tokio::time::sleep(Duration::from_millis(15)).await,
            _ => std::future::pending().await,
        }),
        map(|m| m.twice),
        :drive sink::each(|_| ()),
    }
    .spawn();
    // The third takes the place that the first has left.
    for number in 1..=3 {
        tasks.send(number).await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let tasks = running.handle().tasks();
    let ids: Vec<_> = tasks.iter().map(|task| &*task.id).collect();
    assert_eq!(ids, ["2", "3"]);
    running.abort().await;
}
