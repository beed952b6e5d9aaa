//! Many processes and links in one program.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use brigade::link::{Link, link};
use brigade::prelude::*;
use brigade::queue;
use brigade::service::{Service, State};

/// In front of each of them are so many links.
const LINKS: usize = 5;
/// So many are joined in a row, the one that takes from the queue aside.
const PROCESSES: usize = 200;
const ORDERS: usize = 5_000;

struct Row {
    orders: queue::Memory<u64>,
    /// Those in front of each process.
    links: Vec<[Link<u64>; LINKS]>,
    done: Arc<AtomicU64>,
}

fn service(row: Row) -> Service<Row> {
    let mut service = Service::new("row", row);
    for place in (0..PROCESSES).rev() {
        service = service.process(format!("p{place}"), move |p| {
            p.pipeline(move |cx| {
                let merged = source::merge(cx.links[place].each_ref().map(Link::input));
                let Some(next) = cx.links.get(place + 1) else {
                    let done = Arc::clone(&cx.done);
                    return pipeline! {
                        [merged]
                        map(|order: u64| order),
                        :drive sink::each(move |_| { done.fetch_add(1, Ordering::Relaxed); }),
                    };
                };
                let [a, b, c, d, e] = next;
                pipeline! {
                    [merged]
                    match |order| order % 5 {
                        0 => { :drive a.sink() },
                        1 => { :drive b.sink() },
                        2 => { :drive c.sink() },
                        3 => { :drive d.sink() },
                        _ => { :drive e.sink() },
                    },
                }
            })
        });
    }
    service.process("takes", |p| {
        p.pipeline(|cx| {
            let [a, b, c, d, e] = &cx.links[0];
            pipeline! {
                [cx.orders.clone().deliveries()]
                map(|order| *order),
                match |order| order % 5 {
                    0 => { :drive a.sink() },
                    1 => { :drive b.sink() },
                    2 => { :drive c.sink() },
                    3 => { :drive d.sink() },
                    _ => { :drive e.sink() },
                },
            }
        })
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_links_and_two_hundred_processes_start_pause_resume_and_stop_within_the_grace() {
    let orders = queue::memory();
    let links = |_| std::array::from_fn(|_| link(10));
    let row = Row {
        orders: orders.clone(),
        links: (0..PROCESSES).map(links).collect(),
        done: Arc::default(),
    };
    let done = Arc::clone(&row.done);
    let begun = Instant::now();
    let running = service(row).start().await.unwrap();
    let started = begun.elapsed();
    assert!(
        running
            .status()
            .processes
            .iter()
            .all(|process| process.state == State::Running)
    );

    let control = running.control();
    let names = || (0..PROCESSES).map(|place| format!("p{place}"));
    let begun = Instant::now();
    for name in names() {
        control.pause(&name).await.unwrap();
    }
    let paused = begun.elapsed();
    for order in 0..ORDERS as u64 {
        orders.put(order).await;
    }
    let begun = Instant::now();
    for name in names() {
        control.resume(&name).await.unwrap();
    }
    let resumed = begun.elapsed();

    let deadline = Instant::now() + Duration::from_secs(60);
    while done.load(Ordering::Relaxed) < ORDERS as u64 / 2 {
        assert!(
            Instant::now() < deadline,
            "{} are done",
            done.load(Ordering::Relaxed)
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let begun = Instant::now();
    running.stop().await.unwrap();
    let stopped = begun.elapsed();
    assert_eq!(
        usize::try_from(done.load(Ordering::Relaxed)).unwrap() + orders.len(),
        ORDERS
    );
    println!(
        "started in {started:?}, paused in {paused:?}, resumed in {resumed:?}, stopped in {stopped:?}"
    );
}
