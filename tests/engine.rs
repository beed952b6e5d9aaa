//! The engine through the macro.
use brigade::{BoxError, prelude::*};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inline_maps() {
    let out: Vec<u64> = pipeline! { [source::iter(0..1000u64)] map(|x| x + 1), filter(|x| x % 2 == 0), map(|x| x * 2) }.collect().await.unwrap();
    assert_eq!(
        out,
        (0..1000u64)
            .map(|x| x + 1)
            .filter(|x| x % 2 == 0)
            .map(|x| x * 2)
            .collect::<Vec<_>>()
    );
}
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks() {
    for n in [1, 4] {
        let out: Vec<u64> = pipeline! { [0..100_000u64] (n) map(|x| x + 1), (n) map(|x| x * 2), filter(|x| x % 3 == 0) }.collect().await.unwrap();
        assert_eq!(
            out,
            (0..100_000u64)
                .map(|x| (x + 1) * 2)
                .filter(|x| x % 3 == 0)
                .collect::<Vec<_>>()
        );
    }
}
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocks() {
    for n in [1, 4] {
        let p = pipeline! { [0..100_000u64] :block (n) map(|x| x + 1), :block (n) map(|x| x * 2) with { buffer: 3, window: 7 } };
        println!("{}", p.plan());
        let c = p.collect();
        let h = c.handle();
        let out: Vec<u64> = c.await.unwrap();
        println!("{}", h.report());
        assert!(out.into_iter().eq((0..100_000u64).map(|x| (x + 1) * 2)));
    }
}
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pool() {
    let out: Vec<u64> = pipeline! { [0..100_000u64] :block 2 map(|x| x + 1) with { pool } }
        .collect()
        .await
        .unwrap();
    assert!(out.into_iter().eq((0..100_000u64).map(|x| x + 1)));
}
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asyncs() {
    let out: Vec<u64> = pipeline! { [0..10_000u64] :async 20 map(|x| async move { tokio::task::yield_now().await; x + 1 }) }.collect().await.unwrap();
    assert!(out.into_iter().eq((0..10_000u64).map(|x| x + 1)));
}
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flat() {
    let expect: Vec<u64> = (0..300u64)
        .flat_map(|x| 0..x)
        .filter(|x| x % 2 == 1)
        .collect();
    let out: Vec<u64> = pipeline! { [0..300u64] flat_map(|x| 0..x), filter(|x: &u64| x % 2 == 1) }
        .collect()
        .await
        .unwrap();
    assert_eq!(out, expect);
    let out: Vec<u64> = pipeline! { [0..300u64] :block 2 flat_map(|x| 0..x) with { buffer: 1 }, filter(|x| x % 2 == 1) }.collect().await.unwrap();
    assert_eq!(out, expect);
    let out: Vec<u64> = pipeline! { [0..300u64] :async 4 flat_map(|x| async move { 0..x }) with { buffer: 2, window: 5 }, filter(|x| x % 2 == 1) }.collect().await.unwrap();
    assert_eq!(out, expect);
    let out: Vec<u64> = pipeline! { [0..300u64] 3 flat_map(|x| 0..x), filter(|x| x % 2 == 1), 1 map(|x| x) with { buffer: 1 } }.collect().await.unwrap();
    assert_eq!(out, expect);
}
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches() {
    let out: Vec<Vec<u64>> = pipeline! { [0..10u64] batch(4, Duration::from_millis(50)) }
        .collect()
        .await
        .unwrap();
    assert_eq!(out, vec![vec![0, 1, 2, 3], vec![4, 5, 6, 7], vec![8, 9]]);
}
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn driven() {
    let (tx, mut rx) = tokio::sync::mpsc::channel(10);
    let (etx, mut erx) = tokio::sync::mpsc::channel(1000);
    let run = tokio::spawn(pipeline! { [0..1000u64, etx] push_task(n), :block 2 let m = if *n % 10 == 3 { Err("three")? } else if *n == 8 { panic!("eight") } else { n + 1 }, map(|r| r.m), :drive tx }.run());
    let mut got = vec![];
    while let Some(x) = rx.recv().await {
        got.push(x);
    }
    let report = run.await.unwrap().unwrap();
    println!("{report}");
    assert!(report.conserved());
    assert_eq!(got.len(), 899);
    let mut fails = 0;
    while let Some(f) = erx.recv().await {
        fails += 1;
        if fails < 3 {
            println!("{f} {f:?}");
        }
        assert!(f.task.is_some());
    }
    assert_eq!(fails, 101);
}
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retries() {
    use std::sync::atomic::{AtomicU32, Ordering};
    let calls = std::sync::Arc::new(AtomicU32::new(0));
    let seen = calls.clone();
    let out: Vec<u64> = pipeline! { [0..100u64] use calls; :async 4 map(|x| async move { if calls.fetch_add(1, Ordering::SeqCst).is_multiple_of(3) { Err("again")? } Ok::<_, BoxError>(x) })? with { retry: Retry::exponential(50).min_delay(Duration::from_millis(1)).max_delay(Duration::from_millis(1)) } }.collect().await.unwrap();
    assert!(out.into_iter().eq(0..100));
    println!("{}", seen.load(Ordering::SeqCst));
    let out: Vec<u64> = pipeline! { [0..100u64] use seen; :block 4 map(|x| { if seen.fetch_add(1, Ordering::SeqCst).is_multiple_of(3) { Err("again")? } Ok::<_, BoxError>(x) })? with { retry: Retry::fixed(50, Duration::from_millis(1)) } }.collect().await.unwrap();
    assert!(out.into_iter().eq(0..100));
}
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fail_fast() {
    let e = pipeline! { [0..100_000u64] :block 4 map(|x| if x == 777 { Err("boom") } else { Ok(x) })?, :drive sink::each(|_x| ()) }.run().await.unwrap_err();
    println!("{e} {:?}\n{}", e, e.report.as_ref().unwrap());
}
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn block_timeout() {
    let (etx, mut erx) = tokio::sync::mpsc::channel(1000);
    let out: Vec<u64> = pipeline! { [0..5u64, etx] :block 2 map(|x| { if x == 2 { std::thread::sleep(Duration::from_millis(300)); } x }) with { timeout: Duration::from_millis(50) } }.collect().await.unwrap();
    assert_eq!(out, [0, 1, 3, 4]);
    println!("{}", erx.recv().await.unwrap());
}
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drains() {
    let (tx, rx) = tokio::sync::mpsc::channel(10);
    let running = pipeline! { [rx] :async 4 map(|x: u64| async move { x }), batch(1000), :drive sink::each(|b| println!("{b:?}")) }.spawn();
    tx.send(1).await.unwrap();
    tx.send(2).await.unwrap();
    while running.stats().rows[0].done < 2 {
        tokio::task::yield_now().await;
    }
    let report = running.drain(Duration::from_secs(5)).await.unwrap();
    println!("{report}");
    assert_eq!(report.stage("batch").unwrap().done, 2);
}
fn seg() -> Segment<u64, String> {
    pipeline! { map(|x| x + 1), :block 2 map(|x| x.to_string()) }
}
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn segments() {
    assert_eq!(seg().run_on(vec![1, 2]).await.unwrap(), ["2", "3"]);
    let inner = pipeline! { [0..10u64] 2 map(|x| x * 2) };
    let out: Vec<usize> = pipeline! { [inner] through(seg()), map(|s| s.len()) }
        .collect()
        .await
        .unwrap();
    assert_eq!(out.len(), 10);
}
