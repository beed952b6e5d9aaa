//! One pipeline: plain, blocking and asynchronous stages, an error that leaves on the way, and the report.
//!
//! ```text
//! cargo run --example hello
//! ```
//!
//! Prints:
//!
//! ```text
//! order: `some` is no number, in Some("some plums")
//!  12 × apples at 720
//!   7 × pears at 350
//!   3 × quinces at 210
//!
//! stage   in  done  filtered  failed  emitted  retries  busy  starved  blocked
//! source   4     4         0       0        4        0   0 %      0 %    100 %
//! line     4     4         0       0        4        0   4 %      0 %      0 %
//! order    4     3         0       1        3        0
//! label    3     3         0       0        3        0
//! price    3     3         0       0        3        0  93 %      0 %      0 %
//! map      3     3         0       0        3        0
//! sink     3     3         0       0        0        0   6 %     92 %      0 %
//! 12.580ms, bottleneck: price; in = done + filtered + failed in every row
//! ```
//!
//! Times differ from run to run; the counts do not.

use std::time::Duration;

use brigade::prelude::*;

struct Order {
    count: u32,
    fruit: String,
}

fn parse(line: &str) -> Result<Order, String> {
    let (count, fruit) = line.split_once(' ').ok_or("no fruit")?;
    let count = count
        .parse()
        .map_err(|_| format!("`{count}` is no number"))?;
    let fruit = fruit.to_owned();
    Ok(Order { count, fruit })
}

fn label(order: &Order) -> String {
    format!("{:>3} × {}", order.count, order.fruit)
}

#[derive(Clone)]
struct Shop;

impl Shop {
    async fn price(&self, fruit: &str) -> Result<u32, String> {
        tokio::time::sleep(Duration::from_millis(10)).await;
        Ok(10 * u32::try_from(fruit.len()).map_err(|_| "too dear")?)
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure<&'static str>> {
    let shop = Shop;
    let orders = ["12 apples", "7 pears", "some plums", "3 quinces"];
    let report = pipeline! {
        [orders, sink::each(|failure| println!("{failure}, in {:?}", failure.task()))]
        use shop;                                   // each group of workers gets its own clone
        push_task(line),                            // the item becomes key `line` of a record
        let order = parse(line)?,                   // a key from other keys; `Err` leaves here
        :block 2 let label = label(order),          // two threads, output in input order
        :async 20 let price = shop.price(&order.fruit).await?
            with { timeout: Duration::from_secs(1), retry: Retry::exponential(3) },
        map(|m| format!("{} at {}", m.label, m.price * m.order.count)),
        :drive sink::each(|row| println!("{row}")),
    }
    .run()
    .await?;
    println!("\n{report}");
    Ok(())
}
