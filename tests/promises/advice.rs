//! What a report says of time and advises, of runs of which the answer is known.

use std::time::{Duration, Instant};

use brigade::prelude::*;
use brigade::{Remedy, Report, Time};

use crate::fakes::in_time;

const CALL: Duration = Duration::from_millis(5);

/// Has a processor for that long.
fn computes(time: Duration) {
    let began = Instant::now();
    while began.elapsed() < time {
        std::hint::spin_loop();
    }
}

async fn waits() {
    tokio::time::sleep(CALL).await;
}

fn time(report: &Report, stage: &str) -> Time {
    report.stage(stage).unwrap().time.unwrap()
}

async fn with_count(count: usize) -> Report {
    let run = pipeline! {
        [0..100_u64]
        :async (count) tap(async |_| waits().await) with { name: "call" },
        :async 16 tap(async |_| waits().await) with { name: "store" },
        :drive sink::discard(),
    }
    .run();
    in_time(run).await.unwrap()
}

/// Both wait for as long, so sixteen of the first keep sixteen of the second busy.
#[tokio::test]
async fn the_count_that_is_advised_is_the_one_that_no_longer_holds_the_others_up() {
    let report = with_count(4).await;
    assert_eq!(report.bottleneck.as_deref(), Some("call"), "{report}");
    let advice = report.advice().expect("one of the two is busy");
    assert_eq!(&*advice.stage, "call");
    let Remedy::Raise { counts, gain, .. } = &advice.remedy else {
        panic!("{advice}");
    };
    let [raise] = &counts[..] else {
        panic!("{advice}")
    };
    assert_eq!((&*raise.stage, raise.from), ("call", 4));
    assert!((12..=18).contains(&raise.to), "{advice}");
    assert!(*gain > 2.5, "{advice}");
    let raised = with_count(raise.to).await;
    let again = raised.advice();
    let more = again.as_ref().map(|advice| &advice.remedy);
    assert!(
        !matches!(more, Some(Remedy::Raise { gain, .. }) if *gain > 1.6),
        "{raised}\n{again:?}"
    );
}

#[tokio::test]
async fn places_for_futures_that_are_not_used_are_not_busy() {
    let run = pipeline! {
        [0..40_u64]
        :async 1 tap(async |_| waits().await) with { name: "slow" },
        :async 16 tap(async |_| waits().await) with { name: "ample" },
        :drive sink::discard(),
    }
    .run();
    let report = in_time(run).await.unwrap();
    assert_eq!(report.bottleneck.as_deref(), Some("slow"), "{report}");
    let ample = time(&report, "ample").shares();
    assert!(ample.busy < 0.3 && ample.starved > 0.6, "{report}");
    let slow = time(&report, "slow").shares();
    assert!(slow.busy > 0.8, "{report}");
}

/// One task polls them, however many there may be.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn futures_that_compute_are_told_from_those_that_wait() {
    let hashes = async || {
        let run = pipeline! {
            [0..200_u64]
            :async 3 tap(async |_| computes(Duration::from_micros(200))) with { name: "hash" },
            :drive sink::discard(),
        }
        .run();
        let report = run.await.unwrap();
        assert_eq!(report.bottleneck.as_deref(), Some("hash"), "{report}");
        report.advice()
    };
    let advice = in_time(async {
        loop {
            // Where others have the processors the task is seen to wait for one, and nothing holds the others up.
            if let Some(advice) = hashes().await {
                break advice;
            }
        }
    });
    assert_eq!(advice.await.remedy, Remedy::OwnWorkers);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_all_wait_for_the_input_that_is_said() {
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    tokio::spawn(async move {
        for n in 0..20_u64 {
            waits().await;
            if sender.send(n).await.is_err() {
                break;
            }
        }
    });
    let run = pipeline! { [receiver] 1 map(|n| n), :drive sink::discard() }.run();
    let report = in_time(run).await.unwrap();
    let advice = report.advice().expect("the input is asked all the time");
    assert_eq!(advice.remedy, Remedy::FasterInput, "{report}");
    let said = advice.to_string();
    assert!(
        said.starts_with("the others wait for the input `source`"),
        "{said}"
    );
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn threads_that_compute_are_told_from_those_that_wait() {
    let run = pipeline! {
        [0..60_u64]
        :block 1 tap(|_| computes(Duration::from_millis(2))) with { name: "computes" },
        :block 1 tap(|_| std::thread::sleep(Duration::from_millis(2))) with { name: "waits" },
        2 tap(|_| computes(Duration::from_micros(300))) with { name: "in tasks" },
        :async 2 tap(async |_| computes(Duration::from_micros(300))) with { name: "in futures" },
        :drive sink::discard(),
    }
    .run();
    let report = in_time(run).await.unwrap();
    let cpu = |stage| time(&report, stage).cpu.unwrap();
    // A loaded machine gives a thread less of a processor than it would take, and never more.
    assert!(cpu("computes") > 10 * cpu("waits"), "{report}");
    for stage in ["computes", "waits", "in tasks"] {
        assert!(cpu(stage) <= time(&report, stage).busy, "{stage}: {report}");
    }
    assert!(cpu("in tasks") > cpu("waits"), "{report}");
    assert!(cpu("in futures") > cpu("waits"), "{report}");
    assert!(report.cpu.unwrap() >= cpu("computes"), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_done_in_a_part_of_the_run_is_the_difference_of_two_reports() {
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let running = pipeline! {
        [receiver]
        filter(|n: &u64| n.is_multiple_of(2)),
        :block 2 map(|n| n) with { name: "calls" },
        :drive sink::each(|_| ()),
    }
    .spawn();
    let handle = running.handle();
    let mut reports = vec![handle.report()];
    for part in 1..=3_u64 {
        for n in 0..10 * part {
            sender.send(n).await.unwrap();
        }
        in_time(async {
            while handle.report().stage("sink").unwrap().done < 5 * (1..=part).sum::<u64>() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
        reports.push(handle.report());
    }
    drop(sender);
    reports.push(in_time(running).await.unwrap());
    let windows: Vec<_> = reports
        .windows(2)
        .map(|two| two[1].since(&two[0]))
        .collect();
    let done = |stage: &str| {
        let done = windows
            .iter()
            .map(|window| window.stage(stage).unwrap().done);
        done.collect::<Vec<_>>()
    };
    assert_eq!(done("calls"), [5, 10, 15, 0]);
    assert_eq!(done("filter"), [5, 10, 15, 0]);
    let whole = reports[4].since(&reports[0]);
    assert_eq!(
        windows
            .iter()
            .map(|window| window.elapsed)
            .sum::<Duration>(),
        whole.elapsed
    );
    let handed = |window: &Report| window.stage("calls").unwrap().inputs[0].handed;
    assert_eq!(windows.iter().map(handed).sum::<u64>(), handed(&whole));
    for window in &windows {
        let time = time(window, "calls");
        let sum = time.busy + time.starved + time.blocked + time.limited;
        // Times are read one after the other.
        assert!(
            sum <= time.available + Duration::from_millis(100),
            "{window}"
        );
        assert!(time.available <= 2 * window.elapsed, "{window}");
    }
}
