//! Keyed records: a stage reads the keys before it and writes one more. A key that is not there does not compile.
//!
//! ```text
//! cargo run --example records
//! ```
//!
//! Prints:
//!
//! ```text
//! ADA L. pays 7 for 2 things
//! GRACE L. pays 108 for 2 things
//! ```

use brigade::prelude::*;

#[derive(Debug)]
struct Order {
    customer: &'static str,
    prices: Vec<u32>,
}

fn discount(customer: &str, total: u32) -> u32 {
    if customer.len() > 3 { total / 10 } else { 0 }
}

fn shout(mut text: String) -> String {
    text.make_ascii_uppercase();
    text
}

#[tokio::main]
async fn main() -> Result<(), Failure<Order>> {
    let orders = vec![
        Order {
            customer: "Ada",
            prices: vec![3, 4],
        },
        Order {
            customer: "Grace",
            prices: vec![100, 20],
        },
    ];
    let lines: Vec<String> = pipeline! {
        [orders]
        push_task(order),                                    // { order }
        let total = order.prices.iter().sum::<u32>(),        // { order, total }
        2 let off = discount(order.customer, *total),        // { order, total, off }, in two tasks
        let total = total - off,                             // shadows the first `total`
        mapduce(order.customer => name, |c| format!("{c} L.")),  // from a path to a key, without repeating names
        mapduce(name, shout),                                // in place; the function owns the value
        forget(off),                                         // dropped early

        push_task(saved),                                    // the whole record becomes key `saved`
        let count = saved.order.prices.len(),
        let note = format!("{count} things"),
        pop_task(saved, note),                               // back to it, with `note` carried over

        map(|m| format!("{} pays {} for {}", m.name, m.total, m.note)),  // leaves the record
    }
    .collect()
    .await?;
    for line in lines {
        println!("{line}");
    }
    Ok(())
}
