//! A service of three processes: orders of several kinds come out of one queue, go to who knows them, and what is written is
//! told to whoever listens. One of the processes is made to fail in between.
//!
//! ```text
//! cargo run --example service
//! cargo run --example service -- --watch
//! ```
//!
//! Prints what fails, and at the end:
//!
//! ```text
//! 990 sales were heard of, 10 orders wait for who knows them
//! shop: stopped, up 0 s
//! process   runs  restarts  failures  state
//! write        2         1         1  stopped
//! dispatch     1         0        10  stopped
//! report       1         0         0  stopped
//! ```
//!
//! With `--watch` it says where to look at it in a browser, and orders come until Ctrl-C.
//!
//! In a program that is to stay, `run` stands in place of `start` and `stop`: until Ctrl-C or SIGTERM.

use std::time::Duration;

use brigade::link::{Link, link};
use brigade::prelude::*;
use brigade::queue::{Backoff, Delivery, Outgoing};
use brigade::service::{Broadcast, Restart, Schedule, Service};
use brigade::watch::Page;

/// What the processes share.
struct Shop {
    orders: queue::Memory<u64>,
    sales: Link<u64>,
    /// Who listens hears of what is written.
    written: Broadcast<u64>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let orders = queue::memory();
    let messages = (0..1_000).map(|number| {
        let kind = if number % 100 == 99 { "riddle" } else { "sale" };
        Outgoing::new(number).kind(kind)
    });
    orders.send(messages.collect()).await?;
    let written = Broadcast::new(1_024);
    let mut heard = written.subscribe();
    let shop = Shop {
        orders: orders.clone(),
        sales: link(100).named("sales"),
        written,
    };

    let running = Service::new("shop", shop)
        .grace(Duration::from_secs(10))
        .on_failure(|noted| eprintln!("noted: {noted}"))
        // Who takes from a link is declared before who drives into it, so that it is there. The order of a stop is that of the data.
        .process("write", |p| {
            let soon = Restart::on_failure().min_delay(Duration::from_millis(20));
            p.restart(soon).pipeline(|cx| {
                pipeline! {
                    [cx.sales.input()]
                    use written = cx.written;
                    :async 8 tap(async |_: &u64| tokio::time::sleep(Duration::from_millis(1)).await),
                    tap(|number| written.send(*number)),
                    :drive sink::discard(),
                }
            })
        })
        .process("dispatch", |p| {
            p.pipeline(|cx| {
                // What nobody knows comes again later: an instance that is newer may know it.
                let later = queue::nacks(Backoff::exponential());
                pipeline! {
                    [cx.orders.clone().deliveries().prefetch(100), cx.errors(later)]
                    filter(|_: &Delivery<u64>| true),
                    match |order| order.kind() {
                        Some("sale") => { map(|order: Delivery<u64>| *order), :drive cx.sales.sink() },
                        _ => {
                            tap(|order: &Delivery<u64>| Err::<(), _>(format!("nobody knows {:?}", order.kind())))?,
                            :drive sink::discard(),
                        },
                    },
                }
            })
        })
        .process("report", |p| {
            p.on(Schedule::every(Duration::from_millis(250))).pipeline(|cx| {
                let waiting = cx.orders.len();
                let tick = cx.tick().map(|tick| tick.id.clone()).unwrap_or_default();
                pipeline! {
                    [[tick]]
                    use waiting;
                    :drive sink::each(move |tick| println!("{tick}: {waiting} orders wait")),
                }
            })
        })
        .start()
        .await?;

    let watched = if std::env::args().any(|arg| arg == "--watch") {
        let page = Page::new()
            .service(&running)
            .queue("orders", orders.clone());
        let served = page.serve("127.0.0.1:0").await?;
        println!("look at it: {}", served.url());
        Some(served)
    } else {
        None
    };

    let control = running.control();
    let mut sold = 0;
    while sold < 990 {
        match heard.next().await {
            Some(Ok(_)) => sold += 1,
            Some(Err(gap)) => sold += gap.events(),
            None => break,
        }
        if sold == 300 {
            control
                .fail("write", "somebody has pulled the plug")
                .await?;
        }
    }
    if let Some(watched) = watched {
        until_ctrl_c(&orders).await?;
        watched.stop().await;
    }
    let status = running.stop().await?;
    println!(
        "{sold} sales were heard of, {} orders wait for who knows them",
        orders.len()
    );
    print!("{status}");
    Ok(())
}

/// Sends orders, about 300 a second, until somebody has seen enough.
async fn until_ctrl_c(orders: &queue::Memory<u64>) -> Result<(), Box<dyn std::error::Error>> {
    let mut ctrl_c = std::pin::pin!(tokio::signal::ctrl_c());
    let mut ticks = tokio::time::interval(Duration::from_millis(100));
    loop {
        tokio::select! {
            pressed = &mut ctrl_c => return Ok(pressed?),
            _ = ticks.tick() => {
                let messages = (0..30).map(|number| Outgoing::new(number).kind("sale"));
                orders.send(messages.collect()).await?;
            }
        }
    }
}
